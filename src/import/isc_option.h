/* `option …;` statements of dhcpd.conf: values, and options that the file defines itself. Knows
 * nothing of where in the file they stand. */
#ifndef IMPORT_ISC_OPTION_H
#define IMPORT_ISC_OPTION_H

#include "import/isc_lex.h"
#include "import/site.h"

/* An option that the file gave a code: option NAME code N = TYPE; */
struct isc_definition {
	struct isc_definition *next;
	struct span name;
	unsigned code;
	const char *type; /* ours; NULL: a record, or none that is known */
	bool octets;	  /* of arrays of integer 8: its values are bytes */
};

/* Where options of either family go; six NULL: those of DHCPv6 go nowhere from there. */
struct isc_option_place {
	struct import_options *four, *six;
};

/* At the token behind `option`; passes the statement. definitions: of the file so far. */
void isc_option_take(struct import_site *s, struct isc_lexer *l,
		     struct isc_definition **definitions, const struct isc_option_place *place);

/* The code of an option name, by the definitions or by the protocol's table; 0: none. */
unsigned isc_option_code(const struct isc_definition *definitions, struct span name);

#endif
