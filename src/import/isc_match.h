/* Conditions of classes in dhcpd.conf, as far as ours can say the same. Knows no other expression.
 */
#ifndef IMPORT_ISC_MATCH_H
#define IMPORT_ISC_MATCH_H

#include "import/isc_option.h"

/* At the token behind `match`; passes the statement. */
void isc_match_take(struct import_site *s, struct isc_lexer *l,
		    const struct isc_definition *definitions, struct import_class *c);

/* The value of a subclass; text: it stood in quotes. Its class said what it is compared with: MAC
 * addresses begin with 1: there. */
void isc_match_value(struct import_site *s, struct import_class *c, struct span value, bool text,
		     uint32_t line);

#endif
