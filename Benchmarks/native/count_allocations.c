/* Counts the allocations of a program, including those of processes that it forks, but not of programs that it executes.
 *
 * LD_PRELOAD=count_allocations.so ALLOCATIONS=FILE PROGRAM
 *
 * FILE must have eight bytes. It receives the number of calls of malloc, calloc, realloc and their aligned relatives so far, in the
 * machine's byte order. Counting starts when the library is initialised. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The functions behind glibc's own names. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static atomic_ulong before_start;
static atomic_ulong *calls = &before_start;

static void count(void) { atomic_fetch_add_explicit(calls, 1, memory_order_relaxed); }

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("ALLOCATIONS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *shared = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *calls, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED) {
        fprintf(stderr, "count_allocations: %s: %s\n", path ? path : "ALLOCATIONS", strerror(errno));
        exit(1);
    }
    close(fd);
    calls = shared;
    unsetenv("LD_PRELOAD");
}

void *malloc(size_t size) {
    count();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count();
    return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
    count();
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
    void *memory = memalign(alignment, size);
    if (!memory) return ENOMEM;
    *result = memory;
    return 0;
}
