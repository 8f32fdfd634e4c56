/* The counterpart of bench_addon.c for HAProxy: an agent of its Stream Processing Offload Engine (doc/SPOE.txt of HAProxy,
 * protocol version 2.0). It answers the message `request` by setting the variable `mark` in the scope of the request, and
 * the message `response` by setting it in the scope of the response; HAProxy's rules turn it into a header.
 *
 * spop_agent SOCKET    listens on this Unix socket
 *
 * One thread. It reads no more of a frame than it needs, and answers all frames of one read with one write. */
#include "../native/sockets.h"
#include <arpa/inet.h>
#include <stdint.h>

enum { FRAME_LIMIT = 16380, LENGTH_SIZE = 4, HEAD_SIZE = 5 };
enum { IN_CAPACITY = 8 * (LENGTH_SIZE + FRAME_LIMIT), OUT_CAPACITY = 2 * IN_CAPACITY };
enum { HAPROXY_HELLO = 1, HAPROXY_DISCONNECT = 2, NOTIFY = 3 };

/* Each begins with its type, the flag FIN, and (except ACK, which repeats those of NOTIFY) the ids of stream and frame. */
static const char HELLO[] = "\x65\0\0\0\1\0\0" "\7version\x8\3" "2.0" "\x0emax-frame-size\3\xfc\xf0\6"
                            "\x0c" "capabilities\x8\x0apipelining";
static const char DISCONNECT[] = "\x66\0\0\0\1\0\0" "\x0bstatus-code\3\0" "\7message\x8\0";
static const char ACK[] = "\x67\0\0\0\1";
/* set-var, its three arguments, the scope, the name, the string "1". */
static const char REQUEST_MARK[] = "\1\3\3\4mark\x8\1" "1", RESPONSE_MARK[] = "\1\3\4\4mark\x8\1" "1";
static const char REQUEST[] = "\7request", RESPONSE[] = "\x8response";

typedef struct {
    int fd;
    size_t length;
    unsigned char in[IN_CAPACITY];
} Connection;

static struct {
    size_t length;
    unsigned char bytes[OUT_CAPACITY];
} out;

static void append(const void *bytes, size_t length) {
    if (length > OUT_CAPACITY - out.length) {
        fprintf(stderr, "spop_agent: answers of over %d bytes to one read\n", OUT_CAPACITY);
        exit(1);
    }
    memcpy(out.bytes + out.length, bytes, length);
    out.length += length;
}

#define APPEND(text) append(text, sizeof(text) - 1)
#define STARTS(bytes, end, text) \
    ((size_t)((end) - (bytes)) >= sizeof(text) - 1 && memcmp(bytes, text, sizeof(text) - 1) == 0)

/* Writes the frame's length before what was appended since `start`. */
static void close_frame(size_t start) {
    uint32_t length = htonl((uint32_t)(out.length - start - LENGTH_SIZE));
    memcpy(out.bytes + start, &length, LENGTH_SIZE);
}

/* The byte after a variable-length number (section 3.1), or `end`. */
static const unsigned char *after_number(const unsigned char *at, const unsigned char *end) {
    if (at == end || *at++ < 240) return at;
    while (at < end && *at++ >= 128) {}
    return at;
}

static void acknowledge(const unsigned char *ids, const unsigned char *end) {
    const unsigned char *message = after_number(after_number(ids, end), end);
    APPEND(ACK);
    append(ids, (size_t)(message - ids));
    if (STARTS(message, end, REQUEST)) APPEND(REQUEST_MARK);
    if (STARTS(message, end, RESPONSE)) APPEND(RESPONSE_MARK);
}

/* Returns false when the connection must be closed once the answer is sent. */
static bool answer(const unsigned char *frame, size_t length) {
    size_t start = out.length;
    append(frame, LENGTH_SIZE); /* room for the length, which is not known yet */
    switch (frame[0]) {
    case HAPROXY_HELLO: APPEND(HELLO); break;
    case NOTIFY: acknowledge(frame + HEAD_SIZE, frame + length); break;
    default: APPEND(DISCONNECT); break;
    }
    close_frame(start);
    return frame[0] == HAPROXY_HELLO || frame[0] == NOTIFY;
}

/* Answers the complete frames and keeps the rest. */
static bool answer_frames(Connection *client) {
    size_t at = 0;
    bool open = true;
    while (open && client->length - at >= LENGTH_SIZE) {
        uint32_t length;
        memcpy(&length, client->in + at, LENGTH_SIZE);
        length = ntohl(length);
        if (length < HEAD_SIZE || length > FRAME_LIMIT) return false;
        if (client->length - at < LENGTH_SIZE + length) break;
        open = answer(client->in + at + LENGTH_SIZE, length);
        at += LENGTH_SIZE + length;
    }
    client->length -= at;
    memmove(client->in, client->in + at, client->length);
    return open;
}

static bool readable(void *data) {
    Connection *client = data;
    ssize_t count = recv(client->fd, client->in + client->length, IN_CAPACITY - client->length, 0);
    if (count < 0 && errno == EINTR) return true;
    if (count <= 0) return false;
    client->length += (size_t)count;
    out.length = 0;
    bool open = answer_frames(client);
    return send_all(client->fd, out.bytes, out.length) && open;
}

static int listen_on(const char *path) {
    struct sockaddr_un address = unix_address(path);
    int fd = stream_socket(AF_UNIX);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 128) < 0) die(path);
    return fd;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: spop_agent SOCKET\n");
        return 2;
    }
    serve(listen_on(argv[1]), sizeof(Connection), readable);
}
