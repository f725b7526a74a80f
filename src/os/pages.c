#include "os/pages.h"

#include <sys/mman.h>

void pages_large(void *at, size_t size)
{
	(void)madvise(at, size, MADV_HUGEPAGE);
}
