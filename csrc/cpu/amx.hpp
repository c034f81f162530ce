// Whether kernels may multiply tiles of int8 (AMX-INT8) here. Its name is C's: it is all that
// files which are compiled once a target ask of others (tests/native/test_symbols.py).
#pragma once

extern "C" bool striate_amx();
