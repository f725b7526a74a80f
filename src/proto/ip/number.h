/* Decimal numbers as addresses, ports and lengths have them. Knows no sign, no leading zero and no
 * other base. */
#ifndef PROTO_IP_NUMBER_H
#define PROTO_IP_NUMBER_H

#include "base/span.h"

struct writer;

/* The whole of text: decimal digits without a leading zero (which some read as octal), at most max.
 */
__attribute__((warn_unused_result)) bool ip_number_parse(struct span text, uint32_t max,
							 uint32_t *ret);
void ip_number_write(struct writer *w, uint32_t number);

#endif
