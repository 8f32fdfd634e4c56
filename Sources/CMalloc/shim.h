#pragma once
// mallopt(3), which the standard module of the C library leaves out.
#include <malloc.h>
