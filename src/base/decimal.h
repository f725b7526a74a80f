/* Numbers as decimal digits, for text that is written for each request: without printf, which takes
 * hundreds of instructions for one. Knows no sign and no other base. */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include <stdint.h>

struct writer;

/* Without leading zeros; all digits, or none and a bad writer where they do not fit. */
void write_decimal(struct writer *w, uint64_t n);

#endif
