#include "os/pages.h"

#include <malloc.h>
#include <sys/mman.h>

void pages_large(void *at, size_t size)
{
	(void)madvise(at, size, MADV_HUGEPAGE);
}

void pages_return(void)
{
	(void)malloc_trim(0);
}
