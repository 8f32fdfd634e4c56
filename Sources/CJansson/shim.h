#pragma once
#include <jansson.h>

static inline json_type cjansson_typeof(const json_t *json) { return json_typeof(json); }
static inline void cjansson_decref(json_t *json) { json_decref(json); }
