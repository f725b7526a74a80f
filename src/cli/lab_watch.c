/* gatehouse lab watch INSIDE OUTSIDE: a question and its answer as they passed the two sides of a
 * translator, what it changed side by side. Run on the host that translates. */
#include "cli/commands.h"

#include "cli/lab_ear.h"
#include "cli/print.h"

#include <stdlib.h>

enum { VALUE_SIZE = 16 };

struct watch {
	const struct command_line *line;
	struct lab_ear lab; /* counts exchanges */
	struct lab_exchange exchange;
	struct lab_watch seen;
};

/* --- as a table --- */

static void row(struct print_table *t, const char *field, const char *before, const char *after,
		const char *what)
{
	bool same = what[0] == '\0';
	print_cell(t, PRINT_PLAIN, "%s", field);
	print_cell(t, PRINT_PLAIN, "%s", before);
	print_cell(t, same ? PRINT_PLAIN : PRINT_YELLOW, "%s", after);
	print_cell(t, PRINT_DIM, "%s", same ? "as it was" : what);
}

static void end_row(struct print_table *t, const char *field, const struct lab_datagram *d[2],
		    bool source)
{
	char text[2][IP_ENDPOINT_TEXT_MAX];
	uint32_t address[2];
	uint16_t port[2];
	for (size_t i = 0; i < 2; i++) {
		address[i] = source ? d[i]->source : d[i]->destination;
		port[i] = source ? d[i]->source_port : d[i]->destination_port;
		struct ip_endpoint end = lab_end(address[i], port[i]);
		(void)ip_endpoint_format(&end, text[i]);
	}
	bool moved = address[0] != address[1], other = port[0] != port[1];
	row(t, field, text[0], text[1],
	    moved && other ? "another address and port"
	    : moved	   ? "another address, the same port"
	    : other	   ? "another port"
			   : "");
}

static void checksum_row(struct print_table *t, const char *field, uint16_t before, uint16_t after)
{
	char text[2][VALUE_SIZE];
	(void)snprintf(text[0], VALUE_SIZE, "0x%04x", before);
	(void)snprintf(text[1], VALUE_SIZE, "0x%04x", after);
	row(t, field, text[0], text[1], before == after ? "" : "follows, and is right");
}

static void passage_print(const struct watch *w, const char *what, const struct lab_datagram *d[2],
			  const char *const devices[2])
{
	char heads[2][64], ttl[2][VALUE_SIZE];
	struct print_table t;
	(void)snprintf(heads[0], sizeof(heads[0]), "BEFORE, ON %s", devices[0]);
	(void)snprintf(heads[1], sizeof(heads[1]), "AFTER, ON %s", devices[1]);
	const char *const all[] = {what, heads[0], heads[1], ""};
	print_table_init(&t, stdout, w->line->colour, 4, all);
	end_row(&t, "source", d, true);
	end_row(&t, "destination", d, false);
	for (size_t i = 0; i < 2; i++)
		(void)snprintf(ttl[i], VALUE_SIZE, "%u", d[i]->ttl);
	row(&t, "TTL", ttl[0], ttl[1],
	    d[0]->ttl == d[1]->ttl	 ? ""
	    : d[0]->ttl == d[1]->ttl + 1 ? "one router less"
					 : "changed");
	checksum_row(&t, "IP checksum", d[0]->ip_checksum, d[1]->ip_checksum);
	checksum_row(&t, "UDP checksum", d[0]->udp_checksum, d[1]->udp_checksum);
	print_table_end(&t);
	(void)printf("\n");
}

static void exchange_print(const struct watch *w)
{
	const struct lab_exchange *x = &w->exchange;
	const char *in = w->line->arguments[0], *out = w->line->arguments[1];
	const struct lab_datagram *there[2] = {&x->question[LAB_INSIDE], &x->question[LAB_OUTSIDE]};
	const struct lab_datagram *back[2] = {&x->answer[LAB_OUTSIDE], &x->answer[LAB_INSIDE]};
	passage_print(w, "QUESTION", there, (const char *const[]){in, out});
	passage_print(w, "ANSWER", back, (const char *const[]){out, in});
}

/* --- as JSON: the packets themselves, from the IP header on --- */

static void exchange_json(const struct watch *w)
{
	const struct lab_exchange *x = &w->exchange;
	json_t *object = json_pack("{s:{s:o,s:o},s:{s:o,s:o}}", "question", "before",
				   lab_datagram_json(&x->question[LAB_INSIDE]), "after",
				   lab_datagram_json(&x->question[LAB_OUTSIDE]), "answer", "before",
				   lab_datagram_json(&x->answer[LAB_OUTSIDE]), "after",
				   lab_datagram_json(&x->answer[LAB_INSIDE]));
	(void)json_dumpf(object, stdout, JSON_COMPACT);
	(void)fputc('\n', stdout);
	json_decref(object);
}

/* --- the socket --- */

static bool packet_show(void *arg, const struct packet_received *r)
{
	struct watch *w = arg;
	struct lab_ear *l = &w->lab;
	enum lab_side side = lab_ear_side(l, r);
	/* A checksum that is left to a card cannot be compared. */
	if (side == LAB_SIDES || r->checksum_pending ||
	    lab_datagram_read(span_of(l->ear.packet, r->len), true, &l->datagram) ||
	    !lab_watch_see(&w->seen, side, &l->datagram, &w->exchange))
		return false;
	if (w->line->json)
		exchange_json(w);
	else
		exchange_print(w);
	(void)fflush(stdout);
	return true;
}

static int watch_run(const struct command_line *line)
{
	uint64_t port = 53;
	struct watch *w = calloc(1, sizeof(*w));
	if (!w)
		return command_fail(NULL, "%s", err_text(ENOMEM));
	w->line = line;
	if (!ear_init(&w->lab.ear, line, packet_show, w) ||
	    !ear_number(line, "port", UINT16_MAX, &port)) {
		free(w);
		return command_misused(NULL, "--port, --count and --seconds take whole numbers");
	}
	int status = lab_ear_end(&w->lab, lab_ear_run(&w->lab, (uint16_t)port, (uint16_t)port),
				 "It is for the host that translates: 'gatehouse lab run gateway "
				 "gatehouse lab watch lan eth0'.");
	free(w);
	return status;
}

static const struct command_option watch_options[] = {
	{"port", 'p', "PORT", "of the questions; 53, DNS, when not given"},
	{"count", 'n', "N", "end after that many exchanges; exit with 1 when they did not come"},
	{"seconds", 0, "S", "end after that time"},
};

const struct command lab_watch_verb = {
	.name = "watch",
	.within = "lab",
	.arguments = "INSIDE OUTSIDE",
	.summary = "Show datagrams before and after translation, on the host that does it",
	.arguments_min = 2,
	.arguments_max = 2,
	.options = watch_options,
	.options_n = sizeof(watch_options) / sizeof(watch_options[0]),
	.run = watch_run,
};
