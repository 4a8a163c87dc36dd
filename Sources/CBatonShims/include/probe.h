// Whether adoption would work here, tried in a child that ends.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/// What the child reports, as `stage` of a baton_launch_report, beside the errno. BATON_LAUNCH_STAGE_ADOPT comes first, with the
/// filter's listener.
enum baton_probe_stage {
    /// No filter could be installed.
    BATON_PROBE_FILTER = 100,
    /// The descriptor that was to be replaced is what it was; error 0: the call was answered with 0 all the same.
    BATON_PROBE_REPLACE,
    /// The call that was let through did not reach the kernel.
    BATON_PROBE_LET_THROUGH,
    BATON_PROBE_WORKS,
};

/// Forks a child that installs the filter, reports the listener, and then makes two calls that the filter asks about. The first one
/// is listen(2) on a descriptor that wants replacing with a copy of *report; the second one wants to be let through. What has
/// become of them the child looks at itself, and reports. It holds no lock, allocates nothing and dies with its parent.
/// The child's pid and its end of the report (close-on-exec, for baton_receive_report); -1 with errno.
pid_t baton_start_probe(bool asks_options, int *report);

/// waitpid(2) on this one child, at most so many milliseconds. 1: it has ended, and *status says how; 0: not yet; -1: errno.
int baton_reap_probe(pid_t child, int milliseconds, int *status);
