/* Sends requests over persistent connections, through a proxy's CONNECT or without one, and checks every answer in full.
 *
 * load http|https|websocket proxy|direct PORT AUTHORITY PATH CONNECTIONS SECONDS EXPECTED [steps]
 *
 * http, https: GETs over HTTP/1.1, without or with TLS; EXPECTED is the size of the body. websocket: texts, each one different,
 * which come back with EXPECTED appended. The load is closed: a connection sends when its answer has arrived. Connections are
 * opened one by one before the time starts; certificates are not verified. It ends with the same line of JSON as load.lua,
 * or with exit code 1 at the first wrong answer. With `steps` it reads numbers from its standard input, sends exactly that
 * many requests for each over the same connections, and prints the line once all are answered; SECONDS is then the longest
 * that a step may take. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "websocket.h"

enum { BUFFER = 64 * 1024, HEAD_LIMIT = 4096, EVENTS = 64, MESSAGE = 64, SUFFIX_LIMIT = 32, PATIENCE = 10 };
enum { STALLED_US = 2 * 1000 * 1000 };

/* From RFC 6455, section 1.3. */
static const char KEY[] = "dGhlIHNhbXBsZSBub25jZQ==", ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

typedef struct {
    int fd;
    SSL *tls;
    uint64_t sent_at;
    size_t length;
    unsigned char message[MESSAGE + SUFFIX_LIMIT];
    unsigned char in[BUFFER + 1];
} Connection;

static struct {
    bool websocket, tls, proxy, steps;
    int port, connections, seconds;
    size_t requests; /* of a run */
    const char *authority, *path, *suffix;
    size_t body_size, request_length;
    char request[HEAD_LIMIT];
} plan;

static size_t sent;

static struct {
    uint32_t *microseconds;
    size_t count, capacity;
    uint64_t bytes;
} answers;

static _Noreturn __attribute__((format(printf, 1, 2))) void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(1);
}

static uint64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Returns the number of bytes read; 0 when there are none yet. */
static size_t receive(Connection *one, void *bytes, size_t length) {
    if (!one->tls) {
        ssize_t count = recv(one->fd, bytes, length, 0);
        if (count == 0) fail("the connection was closed");
        if (count < 0 && errno != EAGAIN && errno != EINTR) fail("recv: %s", strerror(errno));
        return count < 0 ? 0 : (size_t)count;
    }
    int count = SSL_read(one->tls, bytes, (int)length);
    if (count > 0) return (size_t)count;
    int error = SSL_get_error(one->tls, count);
    if (error != SSL_ERROR_WANT_READ) fail("SSL_read failed with %d", error);
    return 0;
}

/* At most one request is pending, and it is small: a socket that cannot take it whole is an error. */
static void transmit(Connection *one, const void *bytes, size_t length) {
    ssize_t count = one->tls ? SSL_write(one->tls, bytes, (int)length) : send(one->fd, bytes, length, MSG_NOSIGNAL);
    if (count != (ssize_t)length) fail("%zd of %zu bytes could be sent", count, length);
}

static void connect_to_port(Connection *one) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)plan.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = PATIENCE};
    int on = 1;
    one->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(one->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(one->fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect: %s", strerror(errno));
}

/* Sends the request and reads the answer's head, not a byte further, since what follows belongs to another protocol. */
static void negotiate(Connection *one, const char *request, const char *status) {
    char head[HEAD_LIMIT] = "";
    size_t length = 0;
    transmit(one, request, strlen(request));
    while (length < 4 || memcmp(head + length - 4, "\r\n\r\n", 4) != 0) {
        if (length == sizeof head - 1) fail("a head of more than %d bytes", HEAD_LIMIT);
        if (receive(one, head + length, 1) == 0) fail("no answer in %d s", PATIENCE);
        length++;
    }
    if (!strstr(head, status)) fail("expected %s, got %.*s", status, (int)strcspn(head, "\r"), head);
    if (plan.websocket && strstr(head, " 101 ") && !strstr(head, ACCEPT)) fail("a wrong Sec-WebSocket-Accept");
}

static void open_tunnel(Connection *one) {
    char request[HEAD_LIMIT];
    snprintf(request, sizeof request, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", plan.authority, plan.authority);
    negotiate(one, request, " 200 ");
}

static void start_tls(Connection *one, SSL_CTX *context) {
    one->tls = SSL_new(context);
    SSL_set_fd(one->tls, one->fd);
    int result = SSL_connect(one->tls);
    if (result != 1) fail("the TLS handshake failed with %d", SSL_get_error(one->tls, result));
}

static void open_websocket(Connection *one) {
    char request[HEAD_LIMIT];
    snprintf(request, sizeof request,
             "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", plan.path, plan.authority, KEY);
    negotiate(one, request, " 101 ");
}

static Connection *open_connection(SSL_CTX *context) {
    Connection *one = calloc(1, sizeof *one);
    if (!one) fail("no memory");
    connect_to_port(one);
    if (plan.proxy) open_tunnel(one);
    if (plan.websocket) open_websocket(one);
    if (plan.tls) start_tls(one, context);
    fcntl(one->fd, F_SETFL, O_NONBLOCK);
    return one;
}

static uint32_t random_bits(void) {
    static uint32_t state = 2463534242;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static void send_message(Connection *one) {
    unsigned char frame[MESSAGE + FRAME_OVERHEAD];
    uint32_t bits = random_bits(), key = random_bits();
    for (int at = 0; at < 8; at++) one->message[at] = "0123456789abcdef"[bits >> 4 * at & 15];
    transmit(one, frame, write_text_frame(frame, one->message, MESSAGE, (unsigned char *)&key));
}

static void send_next(Connection *one) {
    if (sent == plan.requests) return;
    sent++;
    one->sent_at = now_us();
    if (plan.websocket) send_message(one);
    else transmit(one, plan.request, plan.request_length);
}

/* Whether the answer has arrived; its size is added to `answers.bytes`. */
static bool read_message(Connection *one) {
    Frame frame;
    switch (read_text_frame(one->in, one->length, false, &frame)) {
    case FRAME_WRONG: fail("expected an unmasked text frame");
    case FRAME_INCOMPLETE: return false;
    case FRAME_WHOLE: break;
    }
    size_t expected = MESSAGE + strlen(plan.suffix);
    if (frame.size != one->length) fail("more than one message came back");
    if (frame.length != expected || memcmp(frame.payload, one->message, expected) != 0)
        fail("expected %.*s, got %.*s", (int)expected, one->message, (int)frame.length, frame.payload);
    answers.bytes += frame.length;
    return true;
}

static bool read_response(Connection *one) {
    char *head = (char *)one->in;
    head[one->length] = 0;
    char *end = strstr(head, "\r\n\r\n");
    if (!end) return false;
    if (strncmp(head, "HTTP/1.1 200 ", 13) != 0) fail("expected 200, got %.*s", (int)strcspn(head, "\r"), head);
    char *field = strcasestr(head, "\r\nContent-Length:");
    if (!field || field > end) fail("a response without Content-Length");
    size_t size = strtoul(field + 17, NULL, 10), here = one->length - (size_t)(end + 4 - head);
    if (size != plan.body_size || here > size) fail("expected %zu bytes, got %zu", plan.body_size, size);
    if (here == size) answers.bytes += size;
    return here == size;
}

static void record(uint64_t microseconds) {
    if (answers.count == answers.capacity) {
        answers.capacity = answers.capacity ? 2 * answers.capacity : 65536;
        answers.microseconds = realloc(answers.microseconds, answers.capacity * sizeof *answers.microseconds);
        if (!answers.microseconds) fail("no memory");
    }
    answers.microseconds[answers.count++] = (uint32_t)microseconds;
}

/* Reads until nothing is left: TLS may buffer a whole answer after the socket is empty. Without TLS a whole answer is all
 * that can be there. */
static void readable(Connection *one) {
    size_t count;
    while ((count = receive(one, one->in + one->length, BUFFER - one->length)) > 0) {
        one->length += count;
        if (plan.websocket ? read_message(one) : read_response(one)) {
            one->length = 0;
            record(now_us() - one->sent_at);
            send_next(one);
            if (!one->tls) return;
        } else if (one->length == BUFFER) {
            fail("an answer of more than %d bytes", BUFFER);
        }
    }
}

static int by_size(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static void report(uint64_t elapsed_us) {
    if (answers.count == 0) fail("not one answer came");
    qsort(answers.microseconds, answers.count, sizeof *answers.microseconds, by_size);
    printf("bench: {\"requests\": %zu, \"seconds\": %.6f, \"bytes\": %lu, \"p50_us\": %u, \"p99_us\": %u, \"errors\": {}}\n",
           answers.count, (double)elapsed_us / 1e6, (unsigned long)answers.bytes,
           answers.microseconds[answers.count / 2], answers.microseconds[answers.count * 99 / 100]);
}

static void check_end(Connection **connections, uint64_t now) {
    if (answers.count == plan.requests) return;
    if (plan.steps) fail("%zu of %zu requests were answered in %d s", answers.count, plan.requests, plan.seconds);
    for (int at = 0; at < plan.connections; at++)
        if (now > connections[at]->sent_at + STALLED_US) fail("a connection waited over 2 s for its answer");
}

static int poller_of(Connection **connections) {
    int poller = epoll_create1(EPOLL_CLOEXEC);
    for (int at = 0; at < plan.connections; at++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connections[at]};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, connections[at]->fd, &event) < 0) fail("epoll: %s", strerror(errno));
    }
    return poller;
}

static void run(int poller, Connection **connections) {
    struct epoll_event events[EVENTS];
    uint64_t start = now_us(), end = start + (uint64_t)plan.seconds * 1000000, now;
    for (int at = 0; at < plan.connections; at++) send_next(connections[at]);
    while ((now = now_us()) < end && answers.count < plan.requests) {
        int count = epoll_wait(poller, events, EVENTS, (int)((end - now) / 1000 + 1));
        for (int at = 0; at < count; at++) readable(events[at].data.ptr);
    }
    check_end(connections, now);
    report(now - start);
}

static void run_steps(int poller, Connection **connections) {
    while (scanf("%zu", &plan.requests) == 1 && plan.requests > 0) {
        sent = answers.count = answers.bytes = 0;
        run(poller, connections);
        fflush(stdout);
    }
}

static void make_plan(int argc, char **argv) {
    plan.websocket = strcmp(argv[1], "websocket") == 0;
    plan.tls = strcmp(argv[1], "https") == 0;
    plan.proxy = strcmp(argv[2], "proxy") == 0;
    plan.port = atoi(argv[3]);
    plan.authority = argv[4];
    plan.path = argv[5];
    plan.connections = atoi(argv[6]);
    plan.seconds = atoi(argv[7]);
    plan.suffix = argv[8];
    plan.body_size = strtoul(argv[8], NULL, 10);
    plan.steps = argc > 9;
    plan.requests = SIZE_MAX;
    plan.request_length = (size_t)snprintf(plan.request, sizeof plan.request, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n",
                                           plan.path, plan.authority);
    if (plan.request_length > HEAD_LIMIT / 2 || strlen(argv[8]) >= SUFFIX_LIMIT) fail("an argument is too long");
    if (plan.port < 1 || plan.connections < 1 || plan.seconds < 1) fail("PORT, CONNECTIONS, SECONDS are at least 1");
}

int main(int argc, char **argv) {
    if (argc != 9 && !(argc == 10 && strcmp(argv[9], "steps") == 0)) {
        fprintf(stderr, "usage: load http|https|websocket proxy|direct PORT AUTHORITY PATH CONNECTIONS SECONDS EXPECTED "
                        "[steps]\n");
        return 2;
    }
    make_plan(argc, argv);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    Connection **connections = calloc((size_t)plan.connections, sizeof *connections);
    if (!context || !connections) fail("no memory");
    for (int at = 0; at < plan.connections; at++) {
        connections[at] = open_connection(context);
        memset(connections[at]->message, '.', MESSAGE);
        if (plan.websocket) strcpy((char *)connections[at]->message + MESSAGE, plan.suffix);
    }
    int poller = poller_of(connections);
    if (plan.steps) run_steps(poller, connections);
    else run(poller, connections);
}
