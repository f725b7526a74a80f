#include "service/resolver/hints.h"

#include "proto/dns/rdata.h"
#include "proto/dns/zonefile.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
	char letter;
	const char *v4, *v6;
} letters[] = {
	{'a', "198.41.0.4", "2001:503:ba3e::2:30"}, {'b', "170.247.170.2", "2801:1b8:10::b"},
	{'c', "192.33.4.12", "2001:500:2::c"},	    {'d', "199.7.91.13", "2001:500:2d::d"},
	{'e', "192.203.230.10", "2001:500:a8::e"},  {'f', "192.5.5.241", "2001:500:2f::f"},
	{'g', "192.112.36.4", "2001:500:12::d0d"},  {'h', "198.97.190.53", "2001:500:1::53"},
	{'i', "192.36.148.17", "2001:7fe::53"},	    {'j', "192.58.128.30", "2001:503:c27::2:30"},
	{'k', "193.0.14.129", "2001:7fd::1"},	    {'l', "199.7.83.42", "2001:500:9f::42"},
	{'m', "202.12.27.33", "2001:dc3::35"},
};

static void add_text(struct delegation *d, uint8_t name, const char *text, uint16_t port)
{
	struct ip_endpoint at = {.port = port};
	if (ip_address_parse(span_text(text), &at.address) == OK)
		delegation_add_address(d, name, &at);
}

void hints_builtin(uint16_t port, struct delegation *ret)
{
	delegation_init(ret, &DNS_NAME_ROOT, DELEGATION_ITERATIVE);
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
		char text[] = "x.root-servers.net";
		struct dns_name name;
		text[0] = letters[i].letter;
		if (dns_name_from_text(span_text(text), NULL, &name) != OK)
			continue;
		delegation_add_name(ret, &name);
		ret->names[i].looked_up = DELEGATION_V4 | DELEGATION_V6;
		add_text(ret, (uint8_t)i, letters[i].v4, port);
		add_text(ret, (uint8_t)i, letters[i].v6, port);
	}
}

void hints_of_addresses(const struct ip_address *list, size_t n, uint16_t port,
			struct delegation *ret)
{
	delegation_init(ret, &DNS_NAME_ROOT, DELEGATION_ITERATIVE);
	for (size_t i = 0; i < n; i++) {
		struct ip_endpoint at = {.address = list[i], .port = port};
		delegation_add_address(ret, DELEGATION_NAME_NONE, &at);
	}
}

struct pass {
	struct span text;
	uint16_t port;
	uint32_t *line;
	char *message;
	size_t message_size;
	uint8_t *scratch;
	bool addresses; /* the second pass: names are known by then, in whatever order they stood */
};

static void take_record(const struct pass *p, const struct dns_zonefile_record *rec,
			struct delegation *d)
{
	struct dns_name target;
	if (!p->addresses) {
		if (rec->type == DNS_TYPE_NS && dns_name_is_root(rec->owner) &&
		    dns_rdata_name(rec->type, rec->rdata, 0, &target))
			delegation_add_name(d, &target);
		return;
	}
	uint8_t name = delegation_find_name(d, rec->owner);
	if (name == DELEGATION_NAME_NONE || (rec->type != DNS_TYPE_A && rec->type != DNS_TYPE_AAAA))
		return;
	struct ip_endpoint at = {.address = ip_address_of(rec->rdata), .port = p->port};
	delegation_add_address(d, name, &at);
	d->names[name].looked_up = DELEGATION_V4 | DELEGATION_V6;
}

static enum err run_pass(const struct pass *p, struct delegation *d)
{
	struct dns_zonefile z;
	struct dns_zonefile_record rec;
	dns_zonefile_init(&z, p->text, &DNS_NAME_ROOT, p->scratch, DNS_ZONEFILE_SCRATCH);
	for (;;) {
		switch (dns_zonefile_next(&z, &rec)) {
		case DNS_ZONEFILE_RECORD: take_record(p, &rec, d); break;
		case DNS_ZONEFILE_INCLUDE:
			*p->line = rec.line;
			(void)snprintf(p->message, p->message_size, "$INCLUDE is not for hints");
			return ERR_FORMAT;
		case DNS_ZONEFILE_ERROR:
			*p->line = rec.line;
			(void)snprintf(p->message, p->message_size, "%s", rec.message);
			return ERR_FORMAT;
		case DNS_ZONEFILE_END: return OK;
		}
	}
}

enum err hints_read(struct span text, uint16_t port, struct delegation *ret, uint32_t *ret_line,
		    char *ret_message, size_t message_size)
{
	struct pass p = {.text = text,
			 .port = port,
			 .line = ret_line,
			 .message = ret_message,
			 .message_size = message_size,
			 .scratch = malloc(DNS_ZONEFILE_SCRATCH)};
	if (!p.scratch)
		return ENOMEM;
	delegation_init(ret, &DNS_NAME_ROOT, DELEGATION_ITERATIVE);
	enum err err = run_pass(&p, ret);
	p.addresses = true;
	if (!err)
		err = run_pass(&p, ret);
	free(p.scratch);
	if (!err && ret->addresses_n == 0) {
		*ret_line = 1;
		(void)snprintf(ret_message, message_size, "no root server with an address in it");
		return ERR_FORMAT;
	}
	return err;
}
