/* A WebSocket origin that sends each text message back.
 *
 * echo_server PORT    listens on 127.0.0.1
 *
 * One thread, no extensions. A client that does not mask, or sends anything but unfragmented texts below 64 KiB, loses
 * its connection. */
#include "sockets.h"
#include <openssl/evp.h>
#include <openssl/sha.h>
#include "websocket.h"

enum { BUFFER = 128 * 1024, KEY_LENGTH = 24 };

static const char GUID[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
static const char KEY_FIELD[] = "\r\nSec-WebSocket-Key: ";

typedef struct {
    int fd;
    bool upgraded;
    size_t length;
    unsigned char in[BUFFER + 1], out[BUFFER + FRAME_OVERHEAD];
} Client;

static void consume(Client *client, size_t count) {
    client->length -= count;
    memmove(client->in, client->in + count, client->length);
}

/* Section 4.2.2: base64 of the SHA-1 of key and GUID. */
static void accept_value(const char *key, char out[32]) {
    unsigned char text[KEY_LENGTH + sizeof GUID - 1], digest[SHA_DIGEST_LENGTH];
    memcpy(text, key, KEY_LENGTH);
    memcpy(text + KEY_LENGTH, GUID, sizeof GUID - 1);
    SHA1(text, sizeof text, digest);
    EVP_EncodeBlock((unsigned char *)out, digest, sizeof digest);
}

/* Returns false when the connection must be closed. */
static bool upgrade(Client *client) {
    char *head = (char *)client->in;
    head[client->length] = 0;
    char *end = strstr(head, "\r\n\r\n");
    if (!end) return client->length < BUFFER;
    char *key = strcasestr(head, KEY_FIELD);
    if (!key || end - key < (long)(sizeof KEY_FIELD - 1 + KEY_LENGTH)) return false;
    char value[32], answer[256];
    accept_value(key + sizeof KEY_FIELD - 1, value);
    int length = snprintf(answer, sizeof answer,
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Accept: %s\r\n\r\n", value);
    client->upgraded = true;
    consume(client, (size_t)(end + 4 - head));
    return send_all(client->fd, answer, (size_t)length);
}

static bool echo(Client *client) {
    Frame frame;
    for (;;) {
        switch (read_text_frame(client->in, client->length, true, &frame)) {
        case FRAME_WRONG: return false;
        case FRAME_INCOMPLETE: return client->length < BUFFER;
        case FRAME_WHOLE: break;
        }
        size_t size = write_text_frame(client->out, frame.payload, frame.length, NULL);
        if (!send_all(client->fd, client->out, size)) return false;
        consume(client, frame.size);
    }
}

static bool readable(void *data) {
    Client *client = data;
    ssize_t count = recv(client->fd, client->in + client->length, BUFFER - client->length, 0);
    if (count < 0 && errno == EINTR) return true;
    if (count <= 0) return false;
    client->length += (size_t)count;
    if (!client->upgraded && !upgrade(client)) return false;
    return !client->upgraded || echo(client);
}

static int listen_on(uint16_t port) {
    int fd = stream_socket(AF_INET), on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 128) < 0) die("listen");
    return fd;
}

int main(int argc, char **argv) {
    int port = argc == 2 ? atoi(argv[1]) : 0;
    if (port < 1 || port > UINT16_MAX) {
        fprintf(stderr, "usage: echo_server PORT\n");
        return 2;
    }
    serve(listen_on((uint16_t)port), sizeof(Client), readable);
}
