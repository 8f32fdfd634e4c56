#include "cre2.h"

#include <new>
#include <re2/re2.h>

struct cre2_expression {
    RE2 expression;

    cre2_expression(const re2::StringPiece &pattern, const RE2::Options &options) : expression(pattern, options) {}
};

cre2_expression *cre2_compile(const char *pattern, size_t length, cre2_options options) {
    RE2::Options chosen(options.latin1 ? RE2::Latin1 : RE2::DefaultOptions);
    chosen.set_case_sensitive(false);
    chosen.set_dot_nl(options.dot_matches_line_feed);
    chosen.set_never_capture(true);
    chosen.set_log_errors(false);
    auto *made = new (std::nothrow) cre2_expression(re2::StringPiece(pattern, length), chosen);
    if (made != nullptr && !made->expression.ok()) {
        delete made;
        return nullptr;
    }
    return made;
}

void cre2_free(cre2_expression *expression) { delete expression; }

bool cre2_is_found(const cre2_expression *expression, const char *text, size_t length) {
    re2::StringPiece all(text, length);
    return expression->expression.Match(all, 0, length, RE2::UNANCHORED, nullptr, 0);
}

size_t cre2_size(const cre2_expression *expression) {
    return static_cast<size_t>(expression->expression.ProgramSize());
}
