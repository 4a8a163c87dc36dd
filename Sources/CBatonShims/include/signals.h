// The signal state that Baton was given, kept aside so that the app can be given the same.
//
// A constructor saves it and blocks every signal before any Swift code runs: a SIGTERM in the first
// milliseconds then waits in the kernel instead of being lost (PID 1) or fatal (everyone else).
#pragma once

#include <stdbool.h>
#include <stdint.h>

/// One bit a signal: bit n-1 stands for signal n, as in the kernel's sigset_t and in /proc/PID/status.
typedef uint64_t baton_signal_set;

/// Saves the signal state, opens /dev/null on whichever of the descriptors 0 to 2 is closed, blocks all signals
/// but those that a fault raises, and gives SIGCHLD its default action (an ignored SIGCHLD makes wait(2)
/// useless). Called by the constructor of the `baton` program only.
void baton_take_over_signals(void);

/// Async-signal-safe. In a child: puts the inherited dispositions back, then the inherited mask.
void baton_restore_signals(void);
