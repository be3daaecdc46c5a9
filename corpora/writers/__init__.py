"""Writers of node dumps: each module lays rules out the way one program does."""
