// Linked into `baton` alone: a constructor that takes over the signal state before any Swift code runs.
#pragma once
