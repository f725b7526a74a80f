/* One line of a list of domains, as hosts files, plain lists of domains and Adblock lists write it.
 * Knows no lists and no clients.
 *
 * What is taken, as users of AdGuard Home and Pi-hole expect it:
 *	0.0.0.0 example.org www.example.org	# a hosts file: these names exactly
 *	example.org				the name exactly
 *	*.example.org  .example.org		all below it, not itself
 *	||example.org^  ||example.org		the name and all below it
 *	|example.org^				the name exactly
 *	||ads*.example.org^			a pattern (pattern.h)
 *	||*^					every name
 *	example.org^  @@example.org		as ||example.org^
 *	||example.org/ads/a*.gif		addresses (path.h) of the name and all below it
 *	|https://example.org/ads		addresses of the name exactly, of https alone
 *	example.org/ads  http://example.org/ads	of the name exactly, by http and https
 *	||192.0.2.1/x  |http://[2001:db8::1]/x	of a server without a name
 *	@@ before any of those that begin with |	an exception
 *	$important, $badfilter, $all behind those	the only modifiers about names alone
 *	$match-case besides, where there is a path
 * Comments: #, !, and [ at the start of a line; # behind a blank. All else is told by its kind and
 * is no rule: what is of pages and not of names (cosmetic), paths of no name in particular or with
 * a port, networks (192.0.2.0/24), regular expressions, what has other modifiers. */
#ifndef POLICY_TEXT_H
#define POLICY_TEXT_H

#include "base/span.h"
#include "policy/policy.h"

enum policy_line_kind {
	POLICY_LINE_RULE,
	POLICY_LINE_EMPTY,    /* a comment, or nothing */
	POLICY_LINE_COSMETIC, /* what a page shows */
	POLICY_LINE_PATH,     /* of addresses at no one name, or a regular expression */
	POLICY_LINE_MODIFIER, /* has a modifier that is not about names alone */
	POLICY_LINE_LOCAL,    /* of a hosts file: localhost and its like, or a host's own address */
	POLICY_LINE_BAD,      /* nothing that is known */
	POLICY_LINE_KINDS,
};

enum { POLICY_LINE_LEN_MAX = 4096 };

/* What one line of a hosts file may name; the others do not count. */
enum { POLICY_LINE_NAMES_MAX = 64 };

struct policy_line {
	enum policy_scope scope;
	enum policy_form form;
	bool exception, important, badfilter, match_case;
	/* Of a pattern: its end without a star. Absolute, lower case; the root for ||*^. */
	struct dns_name name;
	struct span pattern; /* view of room, lower case */
	struct span path;    /* likewise, of path.h; empty: none */
	uint8_t room[POLICY_PATH_MAX];
	struct span more; /* of a hosts file: names that follow, for policy_line_next */
};

/* line: without its end; a CR is passed. ret is filled for POLICY_LINE_RULE alone. */
enum policy_line_kind policy_line_read(struct span line, struct policy_line *ret);

/* The next name of a line of a hosts file in place of the one in l; POLICY_LINE_EMPTY: no more. */
enum policy_line_kind policy_line_next(struct policy_line *l);

/* A name as lists write it: letters, digits, hyphens, underscores, dots; a dot at its end may be
 * there. false: another octet, an empty or too long label, an IPv4 address. */
bool policy_name_read(struct span text, struct dns_name *ret);

/* The host of an address as people and lists write it: a name, or an IP address (IPv6 in brackets),
 * which becomes policy_address_name's. false: neither. */
bool policy_host_read(struct span text, struct dns_name *ret);

/* The next line of a text, without its end; text moves behind it. false: there was none. */
bool policy_text_next(struct span *text, struct span *ret_line);

#endif
