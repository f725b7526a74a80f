/* How the kernel lays memory out. Knows nothing of what is in it. */
#ifndef OS_PAGES_H
#define OS_PAGES_H

#include <stddef.h>

/* Please on large pages (MADV_HUGEPAGE of madvise(2)); a kernel that has none or refuses gives
 * small ones, which do as well. For base/large.h. */
void pages_large(void *at, size_t size);
/* What malloc keeps of memory that was given back goes to the kernel: after work that needed much
 * for a moment, as reading a configuration does. */
void pages_return(void);

#endif
