/* One WebSocket text message in one frame (RFC 6455, section 5), the only thing that the load and its origin exchange. */
#ifndef WEBSOCKET_H
#define WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { TEXT_FRAME = 0x81, MASKED = 0x80, SHORT_LENGTH = 125, LENGTH_OF_16_BITS = 126, FRAME_OVERHEAD = 8 };

typedef enum { FRAME_INCOMPLETE, FRAME_WHOLE, FRAME_WRONG } FrameState;

typedef struct {
    unsigned char *payload;
    size_t length, size; /* of the payload, and of the whole frame */
} Frame;

static inline void apply_mask(unsigned char *bytes, size_t length, const unsigned char key[4]) {
    for (size_t at = 0; at < length; at++) bytes[at] ^= key[at & 3];
}

/* Parses the frame at the start of `bytes` and unmasks it in place. It is wrong if it is anything but an unfragmented
 * text below 64 KiB, masked exactly as `masked` says. */
static inline FrameState read_text_frame(unsigned char *bytes, size_t length, bool masked, Frame *frame) {
    if (length < 2) return FRAME_INCOMPLETE;
    if (bytes[0] != TEXT_FRAME || (bytes[1] & MASKED) != (masked ? MASKED : 0)) return FRAME_WRONG;
    size_t head = 2, payload = bytes[1] & ~MASKED;
    if (payload > LENGTH_OF_16_BITS) return FRAME_WRONG;
    if (payload == LENGTH_OF_16_BITS) {
        head = 4;
        if (length < head) return FRAME_INCOMPLETE;
        payload = (size_t)bytes[2] << 8 | bytes[3];
    }
    size_t key = head;
    if (masked) head += 4;
    if (length < head + payload) return FRAME_INCOMPLETE;
    if (masked) apply_mask(bytes + head, payload, bytes + key);
    *frame = (Frame){bytes + head, payload, head + payload};
    return FRAME_WHOLE;
}

/* Writes a frame of at most `length` + FRAME_OVERHEAD bytes to `out`, masked if there is a key; returns its size. */
static inline size_t write_text_frame(unsigned char *out, const void *text, size_t length, const unsigned char *key) {
    size_t at = 0;
    out[at++] = TEXT_FRAME;
    unsigned char mask = key ? MASKED : 0;
    if (length <= SHORT_LENGTH) {
        out[at++] = mask | (unsigned char)length;
    } else {
        out[at++] = mask | LENGTH_OF_16_BITS;
        out[at++] = (unsigned char)(length >> 8);
        out[at++] = (unsigned char)length;
    }
    if (key) {
        memcpy(out + at, key, 4);
        at += 4;
    }
    memcpy(out + at, text, length);
    if (key) apply_mask(out + at, length, key);
    return at + length;
}

#endif
