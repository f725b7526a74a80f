/* The words of a dnsmasq.conf line, and its names of options. Knows nothing of what they mean for a
 * site. */
#ifndef IMPORT_DNSMASQ_LINE_H
#define IMPORT_DNSMASQ_LINE_H

#include "base/span.h"

struct import_site;

/* A line without its comment, quotes and blanks: keyword, and what stands behind `=`. Both empty
 * for a line that says nothing. */
void dnsmasq_line_split(struct span line, struct span *ret_word, struct span *ret_value);

/* A walk over `a,b,c`; item is empty at the end. */
struct dnsmasq_list {
	struct span item, rest;
	bool quoted; /* the item stood in quotes */
};
struct dnsmasq_list dnsmasq_list_of(struct span value);
void dnsmasq_list_next(struct dnsmasq_list *l);
/* The item and all behind it, with the commas. */
struct span dnsmasq_list_rest(const struct dnsmasq_list *l);

/* Does the item begin so? What is behind it. */
bool dnsmasq_prefix(struct span item, const char *prefix, struct span *ret_rest);

/* The code of an option by dnsmasq's name for it, or by number; 0: none. */
unsigned dnsmasq_option(struct span name);
unsigned dnsmasq_option6(struct span name);

/* Is it one text, in which a comma is a comma? */
bool dnsmasq_option_is_text(bool six, unsigned code);
/* What stood in quotes, with \n, \t, \", \\ and so on as the octets they stand for. */
struct span dnsmasq_unescaped(struct import_site *s, struct span text);

/* A keyword of its DNS or TFTP side. */
bool dnsmasq_is_dns(struct span word);

#endif
