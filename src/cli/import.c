/* gatehouse import FORMAT FILE: another program's configuration as ours, and for each line of it
 * what could not be carried over. */
#include "cli/commands.h"

#include "base/writer.h"
#include "import/formats.h"
#include "import/site.h"
#include "import/tunnel.h"
#include "import/yaml_out.h"
#include "os/file.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Every octet of a file may become an escape, and options are written with their names. */
enum { OUTPUT_FACTOR = 8, OUTPUT_SPARE = 1 << 20 };

static void notes_print(const struct import_site *s, const char *path)
{
	for (const struct import_note *n = s->notes; n; n = n->next)
		if (n->line)
			(void)fprintf(stderr, "%s:%" PRIu32 ": %.*s\n", path, n->line,
				      (int)n->text.len, (const char *)n->text.data);
		else
			(void)fprintf(stderr, "%s: %.*s\n", path, (int)n->text.len,
				      (const char *)n->text.data);
}

static void json_print(const struct import_site *s, const struct writer *w)
{
	json_t *notes = json_array();

	for (const struct import_note *n = s->notes; n; n = n->next)
		json_array_append_new(notes,
				      json_pack("{s:I,s:s%}", "line", (json_int_t)n->line, "text",
						(const char *)n->text.data, n->text.len));
	json_t *object =
		json_pack("{s:s%,s:o}", "yaml", (const char *)w->data, w->pos, "notes", notes);
	(void)json_dumpf(object, stdout, JSON_INDENT(2));
	(void)fputc('\n', stdout);
	json_decref(object);
}

/* Prints what was made of it; the notes go to stderr, so that the rest can go to a file. tunnel:
 * NULL: s is an address server's. */
static int site_print(struct import_site *s, const struct import_tunnel *tunnel,
		      const struct command_line *line, size_t len)
{
	size_t size = OUTPUT_FACTOR * len + OUTPUT_SPARE;
	uint8_t *text = malloc(size);

	if (!text)
		return command_fail(NULL, "%s", err_text(ENOMEM));
	struct writer w = writer_of(text, size);
	if (tunnel)
		import_tunnel_write(tunnel, &w);
	else
		import_yaml_write(s, &w);
	enum err e = s->failed ? ENOMEM : writer_check(&w);
	if (!e && line->json) {
		json_print(s, &w);
	} else if (!e) {
		(void)fwrite(w.data, 1, w.pos, stdout);
		notes_print(s, line->arguments[0]);
	}
	free(text);
	if (e)
		return command_fail(NULL, "%s: %s", line->arguments[0], err_text(e));
	return fflush(stdout) || ferror(stdout)
		       ? command_fail(NULL, "the output could not be written")
		       : EXIT_OK;
}

/* wg0 of /etc/wireguard/wg0.conf. */
static struct span device_of(const char *path)
{
	const char *name = strrchr(path, '/');
	struct span device = span_text(name ? name + 1 : path);

	return span_sub(device, 0, span_find(device, '.'));
}

/* read NULL: a tunnel of wg-quick. */
static int import_run(const struct command_line *line,
		      enum err (*read)(struct span text, struct import_site *s))
{
	struct import_tunnel tunnel;
	char *text = NULL;
	size_t len;
	struct import_site s;
	enum err e = file_read(line->arguments[0], IMPORT_FILE_MAX, &text, &len);

	if (e)
		return command_fail(NULL, "%s: %s", line->arguments[0], err_text(e));
	import_site_init(&s);
	e = read ? read(span_of(text, len), &s)
		 : import_wg_quick(span_of(text, len), device_of(line->arguments[0]), &s, &tunnel);
	int status;
	if (e) {
		notes_print(&s, line->arguments[0]);
		status = command_fail(NULL, "%s: %s", line->arguments[0],
				      e == ERR_FORMAT ? "is not a file of that format"
						      : err_text(e));
	} else {
		status = site_print(&s, read ? NULL : &tunnel, line, len);
	}
	import_site_done(&s);
	free(text);
	return status;
}

static int dnsmasq_run(const struct command_line *line)
{
	return import_run(line, import_dnsmasq);
}

static int isc_run(const struct command_line *line)
{
	return import_run(line, import_isc_dhcpd);
}

static int kea_run(const struct command_line *line)
{
	return import_run(line, import_kea);
}

static int wg_quick_run(const struct command_line *line)
{
	return import_run(line, NULL);
}

static const struct command import_dnsmasq_verb = {
	.name = "dnsmasq",
	.within = "import",
	.arguments = "FILE",
	.summary = "The DHCP side of a dnsmasq.conf",
	.arguments_min = 1,
	.arguments_max = 1,
	.run = dnsmasq_run,
};

static const struct command import_isc_verb = {
	.name = "isc-dhcpd",
	.within = "import",
	.arguments = "FILE",
	.summary = "A dhcpd.conf of ISC's DHCP server",
	.arguments_min = 1,
	.arguments_max = 1,
	.run = isc_run,
};

static const struct command import_kea_verb = {
	.name = "kea",
	.within = "import",
	.arguments = "FILE",
	.summary = "A configuration of Kea, Dhcp4 or Dhcp6",
	.arguments_min = 1,
	.arguments_max = 1,
	.run = kea_run,
};

static const struct command import_wg_quick_verb = {
	.name = "wg-quick",
	.within = "import",
	.arguments = "FILE",
	.summary = "A tunnel of WireGuard, as in /etc/wireguard",
	.arguments_min = 1,
	.arguments_max = 1,
	.run = wg_quick_run,
};

static const struct command *const import_verbs[] = {&import_dnsmasq_verb, &import_isc_verb,
						     &import_kea_verb, &import_wg_quick_verb, NULL};

const struct command command_import = {
	.name = "import",
	.arguments = "",
	.summary = "Turn another program's configuration into ours, and say what could not be",
	.verbs = import_verbs,
};
