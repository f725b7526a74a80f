/* Durations and sizes as people write them. Knows no bound but 64 bits. */
#ifndef CONFIG_UNITS_H
#define CONFIG_UNITS_H

#include "base/err.h"
#include "base/span.h"

enum { CONFIG_UNITS_TEXT_MAX = 48 }; /* with the NUL */

/* 12h, 1d12h, 500ms: each unit (w d h m s ms) once, the larger first; a bare 0. In milliseconds.
 * ERR_FORMAT; ERR_LIMIT past 64 bits. */
MUST enum err config_duration_parse(struct span text, uint64_t *ret_ms);
/* The shortest text that config_duration_parse reads as ms. Returns buf. */
const char *config_duration_format(uint64_t ms, char buf[CONFIG_UNITS_TEXT_MAX]);

/* 4096, 64K, 64KiB, M, G, T: powers of 1024. In octets. ERR_FORMAT, ERR_LIMIT. */
MUST enum err config_size_parse(struct span text, uint64_t *ret);
const char *config_size_format(uint64_t octets, char buf[CONFIG_UNITS_TEXT_MAX]);

#endif
