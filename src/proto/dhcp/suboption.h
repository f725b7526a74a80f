/* Options inside options: code, length, value (options 43, 82 and 125), values with a length alone
 * (77, 124), and the spaces of enterprises (RFC 2132 8.4, RFC 3046 2.0, RFC 3004, RFC 3925). Knows
 * none of the codes. */
#ifndef PROTO_DHCP_SUBOPTION_H
#define PROTO_DHCP_SUBOPTION_H

#include "base/err.h"
#include "base/reader.h"
#include "base/span.h"
#include "base/writer.h"

struct dhcp_suboption {
	uint8_t code;
	struct span value;
};

/* struct reader r = reader_of_span(option); while (dhcp_suboption_next(&r, &s)) ... ; then
 * TRY(reader_end(&r)): a torn list is a bad reader. No code is special (RFC 3046 2.0). */
bool dhcp_suboption_next(struct reader *r, struct dhcp_suboption *ret);
/* The same for option 43 (RFC 2132 8.4): PAD is passed over, END ends and the rest is not looked
 * at. */
bool dhcp_vendor_suboption_next(struct reader *r, struct dhcp_suboption *ret);

/* The value of the first suboption of that code; false when there is none, or the list is torn. */
bool dhcp_suboption_find(struct span list, uint8_t code, struct span *ret);

/* A value past 255 octets marks w bad. */
void dhcp_suboption_write(struct writer *w, uint8_t code, struct span value);

/* --- length and value: user classes (RFC 3004), data of option 124 --- */

/* One value with its length in front; false at the end, and with a bad reader for a torn one. */
bool dhcp_item_next(struct reader *r, struct span *ret);
void dhcp_item_write(struct writer *w, struct span value);

/* --- options 124 and 125 (RFC 3925) --- */

struct dhcp_enterprise {
	uint32_t number;  /* IANA's private enterprise number */
	struct span data; /* items (124) or suboptions (125) */
};

/* One enterprise; false at the end, and with a bad reader for a torn one. The same enterprise may
 * come several times, which RFC 3925 3 leaves undefined; dhcp_enterprise_join joins its data. */
bool dhcp_enterprise_next(struct reader *r, struct dhcp_enterprise *ret);
/* All data of one enterprise in order. ERR_ABSENT; ERR_FORMAT for a torn option; ERR_LIMIT of w. */
MUST enum err dhcp_enterprise_join(struct span option, uint32_t number, struct writer *w);
/* Data past 255 octets marks w bad. */
void dhcp_enterprise_write(struct writer *w, uint32_t number, struct span data);

#endif
