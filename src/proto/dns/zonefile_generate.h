/* The number range and the templates of $GENERATE, as BIND has them. Knows no record. */
#ifndef PROTO_DNS_ZONEFILE_GENERATE_H
#define PROTO_DNS_ZONEFILE_GENERATE_H

#include "base/span.h"
#include "base/writer.h"

#define DNS_GENERATE_NUMBER_MAX 0x7fffffffu
#define DNS_GENERATE_WIDTH_MAX	255

/* start-stop or start-stop/step; start <= stop, step > 0. */
MUST bool dns_generate_range(struct span text, uint32_t *ret_start, uint32_t *ret_stop,
			     uint32_t *ret_step);

/* The template with its number: $ is n; ${offset}, ${offset,width} and ${offset,width,base} is
 * n + offset, filled with zeros to the width, in base d, o, x, X, or n and N (hexadecimal digits in
 * reverse with dots between, the width counting both); $$ is a dollar; \ keeps the byte after it as
 * it is. False: a torn ${}, or a number below 0. Room lacking marks w. */
MUST bool dns_generate_expand(struct span template, uint32_t n, struct writer *w);

#endif
