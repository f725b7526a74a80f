/* gatehouse import FORMAT FILE: another program's configuration as ours, and for each line of it
 * what could not be carried over. */
#include "cli/commands.h"

#include "base/writer.h"
#include "import/formats.h"
#include "import/nginx.h"
#include "import/out_tree.h"
#include "import/site.h"
#include "import/tunnel.h"
#include "import/yaml_out.h"
#include "os/file.h"

#include <glob.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Every octet of a file may become an escape, and options are written with their names. */
enum { OUTPUT_FACTOR = 8, OUTPUT_SPARE = 1 << 20 };

static void notes_print(const struct import_site *s, const char *path)
{
	for (const struct import_note *n = s->notes; n; n = n->next)
		if (n->file)
			(void)fprintf(stderr, "%.*s:%" PRIu32 ": %.*s\n",
				      (int)import_file(s, n->file).len,
				      (const char *)import_file(s, n->file).data, n->line,
				      (int)n->text.len, (const char *)n->text.data);
		else if (n->line)
			(void)fprintf(stderr, "%s:%" PRIu32 ": %.*s\n", path, n->line,
				      (int)n->text.len, (const char *)n->text.data);
		else
			(void)fprintf(stderr, "%s: %.*s\n", path, (int)n->text.len,
				      (const char *)n->text.data);
}

static void json_print(const struct import_site *s, const struct writer *w)
{
	json_t *notes = json_array();

	for (const struct import_note *n = s->notes; n; n = n->next) {
		struct span file = import_file(s, n->file);
		json_t *note = json_pack("{s:I,s:s%}", "line", (json_int_t)n->line, "text",
					 (const char *)n->text.data, n->text.len);
		if (file.len)
			json_object_set_new(note, "file",
					    json_stringn((const char *)file.data, file.len));
		json_array_append_new(notes, note);
	}
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

/* --- nginx --- */

/* What an nginx.conf names lies below its folder unless it says otherwise. */
struct nginx_folder {
	const char *path; /* of the file */
};

static enum err one_read(const char *path,
			 enum err (*call)(void *call_arg, struct span path, struct span text),
			 void *call_arg)
{
	char *text;
	size_t len;
	TRY(file_read(path, IMPORT_FILE_MAX, &text, &len));
	enum err e = call(call_arg, span_text(path), span_of(text, len));
	free(text);
	return e;
}

static enum err nginx_read(void *arg, struct span pattern,
			   enum err (*call)(void *call_arg, struct span path, struct span text),
			   void *call_arg)
{
	const struct nginx_folder *f = arg;
	const char *slash = strrchr(f->path, '/');
	char path[4096];
	glob_t found;
	int folder =
		slash && !(pattern.len && pattern.data[0] == '/') ? (int)(slash - f->path + 1) : 0;
	int n = snprintf(path, sizeof(path), "%.*s%.*s", folder, f->path, (int)pattern.len,
			 (const char *)pattern.data);
	if (n < 0 || (size_t)n >= sizeof(path) || memchr(pattern.data, 0, pattern.len))
		return ENOENT;
	if (glob(path, 0, NULL, &found) != 0)
		return ENOENT;
	enum err e = OK;
	for (size_t i = 0; !e && i < found.gl_pathc; i++)
		e = one_read(found.gl_pathv[i], call, call_arg);
	globfree(&found);
	return e;
}

/* As much as its text takes; what is shared by many routes is written at each. */
static enum err tree_text(const struct out_node *tree, uint8_t **ret, size_t *ret_len)
{
	for (size_t size = OUTPUT_SPARE; size <= IMPORT_BYTES_MAX; size *= 4) {
		uint8_t *text = malloc(size);
		if (!text)
			return ENOMEM;
		struct writer w = writer_of(text, size);
		out_write(tree, &w);
		if (!w.bad) {
			*ret = text;
			*ret_len = w.pos;
			return OK;
		}
		free(text);
	}
	return ERR_LIMIT;
}

static int nginx_print(const struct import_site *s, const struct out_node *tree,
		       const struct command_line *line)
{
	uint8_t *text = NULL;
	size_t len = 0;
	enum err e = tree_text(tree, &text, &len);
	if (e)
		return command_fail(NULL, "%s: %s", line->arguments[0], err_text(e));
	const struct writer w = {.data = text, .cap = len, .pos = len};
	if (line->json) {
		json_print(s, &w);
	} else {
		(void)fwrite(text, 1, len, stdout);
		notes_print(s, line->arguments[0]);
	}
	free(text);
	return fflush(stdout) || ferror(stdout)
		       ? command_fail(NULL, "the output could not be written")
		       : EXIT_OK;
}

static int nginx_run(const struct command_line *line)
{
	const char *path = line->arguments[0];
	struct nginx_folder folder = {path};
	const struct nginx_files files = {&folder, nginx_read};
	struct out_node *tree = NULL;
	struct import_site s;
	char *text = NULL;
	size_t len;
	enum err e = file_read(path, IMPORT_FILE_MAX, &text, &len);
	if (e)
		return command_fail(NULL, "%s: %s", path, err_text(e));
	import_site_init(&s);
	e = import_nginx(span_of(text, len), &files, &s, &tree);
	int status;
	if (e) {
		notes_print(&s, path);
		status = command_fail(NULL, "%s: %s", path,
				      e == ERR_FORMAT ? "is not a file of that format"
						      : err_text(e));
	} else {
		status = nginx_print(&s, tree, line);
	}
	import_site_done(&s);
	free(text);
	return status;
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

static const struct command import_nginx_verb = {
	.name = "nginx",
	.within = "import",
	.arguments = "FILE",
	.summary = "An nginx.conf, with the files it includes",
	.arguments_min = 1,
	.arguments_max = 1,
	.run = nginx_run,
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

static const struct command *const import_verbs[] = {&import_dnsmasq_verb,  &import_isc_verb,
						     &import_kea_verb,	    &import_nginx_verb,
						     &import_wg_quick_verb, NULL};

const struct command command_import = {
	.name = "import",
	.arguments = "",
	.summary = "Turn another program's configuration into ours, and say what could not be",
	.verbs = import_verbs,
};
