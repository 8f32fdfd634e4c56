/* Adds a header to every request, with jansson: cc add_header.c -ljansson -o add_header && ./add_header [SOCKET] */

#define _GNU_SOURCE
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void say(FILE *out, json_t *message) {
    json_object_set_new(message, "jsonrpc", json_string("2.0"));
    json_dumpf(message, out, JSON_COMPACT);
    fputc('\n', out);
    fflush(out);
    json_decref(message);
}

static json_t *reply_to(const char *method) {
    if (!strcmp(method, "requestheaders"))
        return json_pack("{s:{s:{s:{s:{s:s}}}}}", "result", "flow", "request", "headers", "x-raw", "c");
    const char *known[] = {"start", "configure", "done", "ping"};
    for (size_t each = 0; each < sizeof known / sizeof *known; each++)
        if (!strcmp(method, known[each])) return json_pack("{s:n}", "result");
    return json_pack("{s:{s:i,s:s}}", "error", "code", -32601, "message", "unknown method");
}

int main(int count, char **arguments) {
    const char *path = count > 1 ? arguments[1] : getenv("PROXYD_ADDON_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int socket_of_daemon = socket(AF_UNIX, SOCK_STREAM, 0);
    if (path) strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    if (connect(socket_of_daemon, (struct sockaddr *)&address, sizeof address)) return perror("connect"), 1;
    FILE *in = fdopen(socket_of_daemon, "r"), *out = fdopen(dup(socket_of_daemon), "w");

    json_t *params = json_pack("{s:s,s:[s]}", "name", "c", "events", "requestheaders");
    if (getenv("PROXYD_ADDON_TOKEN")) json_object_set_new(params, "token", json_string(getenv("PROXYD_ADDON_TOKEN")));
    say(out, json_pack("{s:i,s:s,s:o}", "id", 1, "method", "initialize", "params", params));

    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, in) > 0) {
        json_t *message = json_loads(line, 0, NULL);
        json_t *id = json_object_get(message, "id"), *method = json_object_get(message, "method");
        if (id && method) {
            json_t *answer = reply_to(json_string_value(method));
            json_object_set(answer, "id", id);
            say(out, answer);
        }
        json_decref(message);
    }
    free(line);
    return 0;
}
