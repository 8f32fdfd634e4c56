#pragma once
#include <jansson.h>

static inline json_type cjansson_typeof(const json_t *json) { return json_typeof(json); }
static inline void cjansson_decref(json_t *json) { json_decref(json); }
static inline const char *cjansson_error_text(const json_error_t *error) { return error->text; }
static inline int cjansson_is_overflow(const json_error_t *error) {
    return json_error_code(error) == json_error_numeric_overflow;
}
