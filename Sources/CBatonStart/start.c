#include "CBatonStart.h"
#include "signals.h"

// In .preinit_array, which runs before every constructor of the program and its libraries: the sooner signals are blocked,
// the fewer are lost.
static void take_over(void) { baton_take_over_signals(); }
__attribute__((section(".preinit_array"), used)) static void (*const take_over_before_all)(void) = take_over;

const char *baton_commit(void) { return BATON_COMMIT; }
