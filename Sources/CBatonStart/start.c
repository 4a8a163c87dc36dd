#define _GNU_SOURCE
#include "CBatonStart.h"

#include <stddef.h>
#include <unistd.h>

#include "signals.h"

static int argument_count;
static char **arguments;
static char **given_environment;

// What the Swift runtime finds in the place of the container's variables. SWIFT_… there is meant for the app; and a runtime that
// is told nothing looks in eight places for a program that shows backtraces, before main.
static char *runtime_environment[] = {"SWIFT_BACKTRACE=enable=no,swift-backtrace=/", NULL};

// In .preinit_array, which runs before every constructor of the program and its libraries: the sooner signals are blocked,
// the fewer are lost.
static void take_over(int argc, char **argv, char **environment) {
    argument_count = argc;
    arguments = argv;
    given_environment = environment;
    environ = runtime_environment;
    baton_take_over_signals();
}
__attribute__((section(".preinit_array"), used)) static void (*const take_over_before_all)(int, char **, char **) = take_over;

void baton_begin(void) { environ = given_environment; }

char **baton_arguments(int *count) {
    *count = argument_count;
    return arguments;
}

// What a constructor of the Swift runtime asks for CommandLine, which nothing here uses: the runtime's own answer reads
// /proc/self/maps, to search the stack from the environment on. Where the runtime is a library it finds its own, which does no harm.
char **_swift_stdlib_getUnsafeArgvArgc(int *count) { return baton_arguments(count); }

const char *baton_commit(void) { return BATON_COMMIT; }
