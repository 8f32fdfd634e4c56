/* An addon without a JSON library: sets one header on each request and each response.
 *
 * header_addon [SOCKET]    SOCKET defaults to $PROXYD_ADDON_SOCKET
 *
 * It reads the top level of a frame only (`id` and `method`), answers all frames of one read with one write,
 * and ends when the daemon closes the connection. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FRAME_LIMIT = 64 * 1024 * 1024, FIRST_CAPACITY = 256 * 1024 };

static const char REQUEST_PATCH[] = "{\"flow\":{\"request\":{\"headers\":{\"x-bench\":\"1\"}}}}";
static const char RESPONSE_PATCH[] = "{\"flow\":{\"response\":{\"headers\":{\"x-bench\":\"1\"}}}}";

typedef struct {
    char *bytes;
    size_t length, capacity;
} Buffer;

typedef struct {
    const char *start;
    size_t length;
} Slice;

static void die(const char *what) {
    fprintf(stderr, "header_addon: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void reserve(Buffer *buffer, size_t more) {
    if (buffer->capacity - buffer->length >= more) return;
    size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
    while (capacity - buffer->length < more) capacity *= 2;
    if (capacity > 2 * (size_t)FRAME_LIMIT) {
        fprintf(stderr, "header_addon: a frame over %d bytes\n", FRAME_LIMIT);
        exit(1);
    }
    buffer->bytes = realloc(buffer->bytes, capacity);
    if (!buffer->bytes) die("memory");
    buffer->capacity = capacity;
}

static void append(Buffer *buffer, const char *bytes, size_t length) {
    reserve(buffer, length);
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
}

static void append_text(Buffer *buffer, const char *text) { append(buffer, text, strlen(text)); }

static bool equals(Slice slice, const char *text) {
    return slice.length == strlen(text) && memcmp(slice.start, text, slice.length) == 0;
}

/* The byte after the string that opens at `at`. */
static const char *after_string(const char *at, const char *end) {
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\') at++;
    return at < end ? at + 1 : end;
}

/* The byte after the value that starts at `at`: the next comma or bracket of its own level. */
static const char *after_value(const char *at, const char *end) {
    for (int depth = 0; at < end;) {
        switch (*at) {
        case '"': at = after_string(at, end); continue;
        case '{': case '[': depth++; break;
        case '}': case ']': if (depth-- == 0) return at; break;
        case ',': if (depth == 0) return at; break;
        }
        at++;
    }
    return end;
}

static const char *skip_space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r')) at++;
    return at;
}

/* `id` and `method` as they stand in the frame, quotes included; empty where the frame has none. */
static void read_frame(const char *at, const char *end, Slice *id, Slice *method) {
    at = skip_space(at, end);
    if (at == end || *at++ != '{') return;
    while ((at = skip_space(at, end)) < end && *at == '"') {
        Slice key = {at, 0};
        at = after_string(at, end);
        key.length = (size_t)(at - key.start);
        at = skip_space(at, end);
        if (at == end || *at++ != ':') return;
        at = skip_space(at, end);
        Slice value = {at, 0};
        at = after_value(at, end);
        value.length = (size_t)(at - value.start);
        if (equals(key, "\"id\"")) *id = value;
        if (equals(key, "\"method\"")) *method = value;
        if (at < end && *at == ',') at++;
    }
}

static void answer(Buffer *out, const char *start, const char *end) {
    Slice id = {start, 0}, method = {start, 0};
    read_frame(start, end, &id, &method);
    if (id.length == 0 || method.length == 0) return; /* a notification, or the answer to `initialize` */
    append_text(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    append(out, id.start, id.length);
    append_text(out, ",\"result\":");
    append_text(out, equals(method, "\"request\"")    ? REQUEST_PATCH
                     : equals(method, "\"response\"") ? RESPONSE_PATCH
                                                      : "null");
    append_text(out, "}\n");
}

static void write_all(int fd, Buffer *out) {
    for (size_t done = 0; done < out->length;) {
        ssize_t count = write(fd, out->bytes + done, out->length - done);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EPIPE) exit(0);
        if (count < 0) die("write");
        done += (size_t)count;
    }
    out->length = 0;
}

static int connect_to(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        die(path);
    }
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die(path);
    return fd;
}

static void initialize(int fd) {
    const char *token = getenv("PROXYD_ADDON_TOKEN");
    Buffer out = {0};
    append_text(&out, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocol\":[1],");
    append_text(&out, "\"name\":\"header-c\",");
    if (token) {
        append_text(&out, "\"token\":\"");
        append_text(&out, token);
        append_text(&out, "\",");
    }
    append_text(&out, "\"events\":[{\"event\":\"request\",\"body\":\"none\"},");
    append_text(&out, "{\"event\":\"response\",\"body\":\"none\"}]}}\n");
    write_all(fd, &out);
    free(out.bytes);
}

/* Answers the whole frames of `in` and keeps the rest. `scanned` bytes of it are known to hold no line end. */
static size_t answer_frames(Buffer *in, size_t scanned, Buffer *out) {
    char *start = in->bytes, *end = in->bytes + in->length, *line_end;
    char *from = start + scanned;
    while ((line_end = memchr(from, '\n', (size_t)(end - from)))) {
        answer(out, start, line_end);
        start = from = line_end + 1;
    }
    in->length = (size_t)(end - start);
    memmove(in->bytes, start, in->length);
    return in->length;
}

int main(int argc, char **argv) {
    const char *path = argc > 1 ? argv[1] : getenv("PROXYD_ADDON_SOCKET");
    if (!path) {
        fprintf(stderr, "usage: header_addon [SOCKET]; without it PROXYD_ADDON_SOCKET must be set\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    int fd = connect_to(path);
    initialize(fd);
    Buffer in = {0}, out = {0};
    size_t scanned = 0;
    for (;;) {
        reserve(&in, 64 * 1024);
        ssize_t count = read(fd, in.bytes + in.length, in.capacity - in.length);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno != ECONNRESET) die("read");
        if (count <= 0) return 0;
        in.length += (size_t)count;
        scanned = answer_frames(&in, scanned, &out);
        write_all(fd, &out);
    }
}
