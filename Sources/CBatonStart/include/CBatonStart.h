// Linked into `baton` alone: takes over the signal state before anything else in the program runs.
#pragma once
