/* An addon without a JSON library. It sets one header on each request and each response, and ends each WebSocket text with
 * a mark for its direction.
 *
 * bench_addon [SOCKET]    SOCKET defaults to $PROXYD_ADDON_SOCKET
 *
 * It parses no more of a frame than it needs (`id` and `method`, the newest message), answers all frames of one read with
 * one write, and ends when the daemon closes the connection. */
#include "../native/sockets.h"

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

static void reserve(Buffer *buffer, size_t more) {
    if (buffer->capacity - buffer->length >= more) return;
    size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
    while (capacity - buffer->length < more) capacity *= 2;
    if (capacity > 2 * (size_t)FRAME_LIMIT) {
        fprintf(stderr, "bench_addon: a frame over %d bytes\n", FRAME_LIMIT);
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

/* The byte after the string that begins at `at`. */
static const char *after_string(const char *at, const char *end) {
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\') at++;
    return at < end ? at + 1 : end;
}

/* The byte after the value that begins at `at`: the next comma or bracket of the same level. */
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

/* Takes the next member from `rest`, which begins after the object's `{` or the previous member; false at the end. */
static bool next_member(const char **rest, const char *end, Slice *key, Slice *value) {
    const char *at = skip_space(*rest, end);
    if (at < end && *at == ',') at = skip_space(at + 1, end);
    if (at == end || *at != '"') return false;
    key->start = at;
    at = after_string(at, end);
    key->length = (size_t)(at - key->start);
    at = skip_space(at, end);
    if (at == end || *at++ != ':') return false;
    value->start = at = skip_space(at, end);
    *rest = after_value(at, end);
    value->length = (size_t)(*rest - at);
    return true;
}

/* Where the first member begins; `end` when this is not an object. */
static const char *first_member(const char *at, const char *end) {
    at = skip_space(at, end);
    return at < end && *at == '{' ? at + 1 : end;
}

/* The value of `quoted_key` in `object`, as it is written; empty if there is none. */
static Slice member(Slice object, const char *quoted_key) {
    const char *end = object.start + object.length, *rest = first_member(object.start, end);
    Slice key, value;
    while (next_member(&rest, end, &key, &value))
        if (equals(key, quoted_key)) return value;
    return (Slice){end, 0};
}

/* The first value of a list: the daemon sends one message at a time. */
static Slice first_element(Slice list) {
    const char *end = list.start + list.length;
    if (list.length < 2) return list;
    const char *at = skip_space(list.start + 1, end);
    return (Slice){at, (size_t)(after_value(at, end) - at)};
}

/* `content` with its mark before the closing quote; null if it is not text. */
static void answer_message(Buffer *out, Slice params) {
    Slice message = first_element(member(member(params, "\"flow\""), "\"messages\""));
    Slice content = member(message, "\"content\"");
    if (content.length < 2 || *content.start != '"') {
        append_text(out, "null");
        return;
    }
    append_text(out, "{\"flow\":{\"messages\":[{\"content\":");
    append(out, content.start, content.length - 1);
    append_text(out, equals(member(message, "\"from_client\""), "true") ? ">\"}]}}" : "<\"}]}}");
}

static void answer(Buffer *out, const char *start, const char *end) {
    Slice id = {start, 0}, method = {start, 0}, params = {start, 0}, key, value;
    const char *rest = first_member(start, end);
    while (next_member(&rest, end, &key, &value)) {
        if (equals(key, "\"id\"")) id = value;
        if (equals(key, "\"method\"")) method = value;
        if (equals(key, "\"params\"")) params = value;
    }
    if (id.length == 0 || method.length == 0) return; /* a notification, or the answer to `initialize` */
    append_text(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    append(out, id.start, id.length);
    append_text(out, ",\"result\":");
    if (equals(method, "\"request\"")) append_text(out, REQUEST_PATCH);
    else if (equals(method, "\"response\"")) append_text(out, RESPONSE_PATCH);
    else if (equals(method, "\"websocket_message\"")) answer_message(out, params);
    else append_text(out, "null");
    append_text(out, "}\n");
}

static void send_out(int fd, Buffer *out) {
    if (!send_all(fd, out->bytes, out->length)) {
        if (errno == EPIPE) exit(0);
        die("send");
    }
    out->length = 0;
}

static int connect_to(const char *path) {
    struct sockaddr_un address = unix_address(path);
    int fd = stream_socket(AF_UNIX);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die(path);
    return fd;
}

static void initialize(int fd) {
    const char *token = getenv("PROXYD_ADDON_TOKEN");
    Buffer out = {0};
    append_text(&out, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocol\":[1],");
    append_text(&out, "\"name\":\"bench-c\",");
    if (token) {
        append_text(&out, "\"token\":\"");
        append_text(&out, token);
        append_text(&out, "\",");
    }
    append_text(&out, "\"events\":[{\"event\":\"request\",\"body\":\"none\",\"include\":[\"request.headers\"]},");
    append_text(&out, "{\"event\":\"response\",\"body\":\"none\",\"include\":[\"response.headers\"]},");
    append_text(&out, "{\"event\":\"websocket_message\",\"include\":[\"messages\"]}]}}\n");
    send_out(fd, &out);
    free(out.bytes);
}

/* Answers the complete frames in `in` and keeps the rest. `scanned` bytes of it are known to contain no line end. */
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
        fprintf(stderr, "usage: bench_addon [SOCKET]; without it PROXYD_ADDON_SOCKET must be set\n");
        return 2;
    }
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
        send_out(fd, &out);
    }
}
