/* Random bytes that nobody can foretell. Knows nothing of what they are for. */
#ifndef CRYPTO_RANDOM_H
#define CRYPTO_RANDOM_H

#include "base/err.h"

#include <stddef.h>

/* From the kernel (getrandom), about 0.3 us for a few bytes and 3 us for a KiB: who needs many
 * small numbers draws them in one piece. Any thread. EIO when the library cannot start: buf is then
 * all zeros and must not be used; a kernel that refuses later ends the process. */
MUST enum err crypto_random(void *buf, size_t len);

#endif
