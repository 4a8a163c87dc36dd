#include "CBatonStart.h"
#include "signals.h"

__attribute__((constructor)) static void take_over_signals_before_main(void) { baton_take_over_signals(); }
