// What Swift's Glibc module lacks, and the few lines that must run between fork and exec.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <sys/types.h>

#include "launch.h"
#include "probe.h"
#include "seccomp.h"
#include "scheduling.h"
#include "sockets.h"
#include "signals.h"
#include "syscalls.h"
