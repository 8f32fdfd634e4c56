#pragma once
// Swift imports neither function-like macros nor STACK_OF, so each one that is needed has an inline function here.
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// Keys and buffers

static inline EVP_PKEY *COpenSSL_generate_p256_key(void) { return EVP_EC_gen("P-256"); }

static inline long COpenSSL_BIO_get_mem_data(BIO *bio, char **data) { return BIO_get_mem_data(bio, data); }

/// `CN=example.com,O=Example`, with UTF-8 unchanged and control characters escaped.
static const unsigned long COpenSSL_name_format = XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB;

// Stacks

typedef STACK_OF(X509) COpenSSL_X509_STACK;
typedef STACK_OF(GENERAL_NAME) COpenSSL_GENERAL_NAMES;

static inline COpenSSL_X509_STACK *COpenSSL_sk_X509_new(void) { return sk_X509_new_null(); }
static inline int COpenSSL_sk_X509_num(const COpenSSL_X509_STACK *stack) { return sk_X509_num(stack); }
static inline X509 *COpenSSL_sk_X509_value(const COpenSSL_X509_STACK *stack, int index) { return sk_X509_value(stack, index); }
static inline int COpenSSL_sk_X509_push(COpenSSL_X509_STACK *stack, X509 *certificate) { return sk_X509_push(stack, certificate); }
static inline void COpenSSL_sk_X509_free(COpenSSL_X509_STACK *stack) { sk_X509_free(stack); }

static inline COpenSSL_GENERAL_NAMES *COpenSSL_GENERAL_NAMES_new(void) { return sk_GENERAL_NAME_new_null(); }
static inline int COpenSSL_GENERAL_NAMES_num(const COpenSSL_GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }
static inline void COpenSSL_GENERAL_NAMES_free(COpenSSL_GENERAL_NAMES *names) { GENERAL_NAMES_free(names); }

/// The names of a certificate, or NULL; the caller must free them.
static inline COpenSSL_GENERAL_NAMES *COpenSSL_subject_alt_names(const X509 *certificate) {
    return (COpenSSL_GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}

/// The bytes of the name at `index` if it is of `type` (GEN_DNS or GEN_IPADD), else NULL; owned by `names`.
static inline const ASN1_STRING *COpenSSL_general_name(const COpenSSL_GENERAL_NAMES *names, int index, int type) {
    int found = 0;
    void *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, index), &found);
    return found == type ? (const ASN1_STRING *)value : NULL;
}

/// Appends a name of `type` with a copy of the bytes. 1 on success.
static inline int COpenSSL_GENERAL_NAMES_add(COpenSSL_GENERAL_NAMES *names, int type, const void *bytes, int count) {
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = ASN1_STRING_type_new(type == GEN_DNS ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);
    if (name == NULL || value == NULL || !ASN1_STRING_set(value, bytes, count)) {
        GENERAL_NAME_free(name);
        ASN1_STRING_free(value);
        return 0;
    }
    GENERAL_NAME_set0_value(name, type, value);
    if (sk_GENERAL_NAME_push(names, name) > 0) return 1;
    GENERAL_NAME_free(name);
    return 0;
}

// Contexts and connections

/// Renegotiation serves only attackers, and compression leaks secrets (CRIME).
static const uint64_t COpenSSL_context_options = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION;
/// Chains are not completed from the trust store, and idle connections keep no buffers.
static const long COpenSSL_context_mode = SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;

static inline long COpenSSL_SSL_CTX_set_mode(SSL_CTX *context, long mode) { return SSL_CTX_set_mode(context, mode); }
static inline long COpenSSL_SSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode) { return SSL_CTX_set_session_cache_mode(context, mode); }
static inline void COpenSSL_SSL_CTX_set_read_ahead(SSL_CTX *context, int isOn) { SSL_CTX_set_read_ahead(context, isOn); }
static inline int COpenSSL_SSL_set_min_proto_version(SSL *ssl, int version) { return SSL_set_min_proto_version(ssl, version); }
static inline int COpenSSL_SSL_set_max_proto_version(SSL *ssl, int version) { return SSL_set_max_proto_version(ssl, version); }
static inline int COpenSSL_SSL_set_tlsext_host_name(SSL *ssl, const char *name) { return (int)SSL_set_tlsext_host_name(ssl, name); }
static inline int COpenSSL_SSL_get_ex_new_index(void) { return SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL); }
