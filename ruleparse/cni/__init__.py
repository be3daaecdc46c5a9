"""Names for what is in a dump, in the words of the programs that wrote it. Nothing here changes a verdict."""
