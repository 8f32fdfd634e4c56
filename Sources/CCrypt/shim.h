#pragma once
// libcrypt's password hashes. Its working memory of 32 KiB is on the heap, and the library wipes it.
#include <crypt.h>
#include <stdlib.h>
#include <string.h>

/// Whether the library can check passwords against this hash.
static inline int CCrypt_knows(const char *hash) {
    int verdict = crypt_checksalt(hash);
    return verdict == CRYPT_SALT_OK || verdict == CRYPT_SALT_METHOD_LEGACY || verdict == CRYPT_SALT_TOO_CHEAP;
}

/// Whether the password has this hash.
static inline int CCrypt_matches(const char *password, const char *hash) {
    void *data = NULL;
    int size = 0;
    const char *made = crypt_ra(password, hash, &data, &size);
    int same = 0;
    if (made != NULL && strlen(made) == strlen(hash)) {
        unsigned char difference = 0;
        for (size_t index = 0; hash[index] != 0; index++) difference |= (unsigned char)(made[index] ^ hash[index]);
        same = difference == 0;
    }
    free(data);
    return same;
}
