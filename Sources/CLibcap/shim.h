#pragma once
#include <sys/types.h>
#include <sys/capability.h>
