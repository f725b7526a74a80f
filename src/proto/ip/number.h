/* Decimal numbers as addresses, ports and lengths have them, read; base/decimal.h writes them.
 * Knows no sign, no leading zero and no other base. */
#ifndef PROTO_IP_NUMBER_H
#define PROTO_IP_NUMBER_H

#include "base/span.h"

/* The whole of text: decimal digits without a leading zero (which some read as octal), at most max.
 */
__attribute__((warn_unused_result)) bool ip_number_parse(struct span text, uint32_t max,
							 uint32_t *ret);

#endif
