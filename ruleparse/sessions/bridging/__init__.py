"""A switch through which packets pass one after another: what each leaves behind is what the next one meets."""
