// The slice of processor time that the scheduler gives Baton at a time (sched_setattr(2), sched_runtime; Linux 6.12 and later).
#pragma once

/// A short one: whoever asks for little at a time is let in sooner when it wakes (EEVDF), and PID 1 has little to do, but that at
/// once. Where the kernel knows no slices, or forbids it, or Baton has been given another policy than the usual one, nothing happens.
void baton_shorten_slice(void);

/// In a child: the slice that Baton itself was given.
void baton_restore_slice(void);
