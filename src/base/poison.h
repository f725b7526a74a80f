/* Memory that lies ready to be taken again is nobody's: with the address sanitizer a look at it is
 * found, as it is for freed memory. Without one these do nothing. */
#ifndef BASE_POISON_H
#define BASE_POISON_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define POISON_WORKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISON_WORKS 1
#endif
#endif

#ifdef POISON_WORKS
/* Of the sanitizer's library: sanitizer/asan_interface.h, which not every compiler brings. */
void __asan_poison_memory_region(void const volatile *at, size_t len);
void __asan_unpoison_memory_region(void const volatile *at, size_t len);
#define MEMORY_POISON(at, len)	 __asan_poison_memory_region(at, len)
#define MEMORY_UNPOISON(at, len) __asan_unpoison_memory_region(at, len)
#else
#define MEMORY_POISON(at, len)	 ((void)(at), (void)(len))
#define MEMORY_UNPOISON(at, len) ((void)(at), (void)(len))
#endif

#endif
