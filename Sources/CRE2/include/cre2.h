// The part of RE2 that C can call: regular expressions that take time linear in the text.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cre2_expression cre2_expression;

typedef struct {
    /// Bytes are characters (Latin-1), rather than UTF-8.
    bool latin1;
    /// `.` matches line feeds too.
    bool dot_matches_line_feed;
} cre2_options;

/// Compiles a case-insensitive expression; NULL when RE2 rejects it. Any thread may use it.
cre2_expression *cre2_compile(const char *pattern, size_t length, cre2_options options);
void cre2_free(cre2_expression *expression);

/// Whether the expression matches anywhere in the text.
bool cre2_is_found(const cre2_expression *expression, const char *text, size_t length);

/// The number of its instructions, which is the most steps that a byte of text can take.
size_t cre2_size(const cre2_expression *expression);

#ifdef __cplusplus
}
#endif
