// Linked into `baton` alone: takes over the signal state before anything else in the program runs.
#pragma once

/// The commit that this was built from, as the package's manifest has it.
const char *baton_commit(void);

/// The words of the command line, the program's name among them, as the kernel laid them down.
char **baton_arguments(int *count);

/// First of all in main: until then the environment is kept from the Swift runtime.
void baton_begin(void);
