#include "lab/web.h"

#include "base/writer.h"
#include "lab/network.h"
#include "os/file.h"
#include "os/spawn.h"

#include <stdio.h>
#include <unistd.h>

enum { TEXT_MAX = 1024, FOLDER_SIZE = 128, PATH_SIZE = 256, START_WAIT_MS = 5000 };

/* %s: the title, without letters that a shell takes for more. */
static const char page[] = "#!/bin/sh\n"
			   "printf 'Content-Type: text/plain\\r\\n\\r\\n'\n"
			   "# IPv4 on a socket of both families\n"
			   "from=${REMOTE_ADDR#\\[::ffff:}\n"
			   "echo \"%s; it was asked by ${from%%]}, port $REMOTE_PORT.\"\n";

/* What a request says when it is here: the fields by which proxies tell who asks. */
static const char request[] =
	"#!/bin/sh\n"
	"printf 'Content-Type: text/plain\\r\\n\\r\\n'\n"
	"echo \"$REQUEST_METHOD $REQUEST_URI $SERVER_PROTOCOL\"\n"
	"for name in Host Forwarded X-Forwarded-For X-Forwarded-Proto Via; do\n"
	"	field=HTTP_$(echo $name | tr a-z- A-Z_)\n"
	"	eval \"value=\\$$field\"\n"
	"	test -z \"$value\" || echo \"$name: $value\"\n"
	"done\n";

/* What may be kept for a minute, and says when it was written. */
static const char news[] =
	"#!/bin/sh\n"
	"printf 'Content-Type: text/plain\\r\\nCache-Control: public, max-age=60\\r\\n\\r\\n'\n"
	"echo \"Written at $(date -u +%H:%M:%S.%N).\"\n";

/* %s: the host's folder; words of httpd. */
static const char control[] =
	"#!/bin/sh\n"
	"# The web server of this host of the lab, as a service manager has it: start | stop\n"
	"cd %s || exit 1\n"
	"case \"$1\" in\n"
	"start)\n"
	"	busybox httpd -f -p 80 -h www%s </dev/null >/dev/null 2>&1 &\n"
	"	echo $! >web.pid\n"
	"	;;\n"
	"stop) kill \"$(cat web.pid)\" ;;\n"
	"esac\n";

/* name: below the host's folder. */
static enum err put(const char *folder, const char *name, struct span text, unsigned mode)
{
	char path[PATH_SIZE + FOLDER_SIZE];
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return file_write_atomic(path, text, mode);
}

static enum err files_write(const char *folder, const char *title, const char *words)
{
	char path[PATH_SIZE], text[TEXT_MAX];
	struct writer w = writer_of(text, sizeof(text));

	(void)snprintf(path, sizeof(path), "%s/www/cgi-bin", folder);
	TRY(dir_ensure(path, 0755));
	write_format(&w, page, title);
	TRY(writer_check(&w));
	TRY(put(folder, "www/cgi-bin/index.cgi", writer_span(&w), 0755));
	TRY(put(folder, "www/cgi-bin/request.cgi", span_text(request), 0755));
	TRY(put(folder, "www/cgi-bin/news.cgi", span_text(news), 0755));
	TRY(put(folder, "www/alive", span_text("yes\n"), 0644)); /* asked often: no script */
	w = writer_of(text, sizeof(text));
	write_format(&w, control, folder, words);
	TRY(writer_check(&w));
	return put(folder, "web.sh", writer_span(&w), 0644);
}

enum err lab_web_start(const char *host, const char *title, int netns_fd, bool unprivileged)
{
	char folder[FOLDER_SIZE], script[PATH_SIZE];
	const char *argv[] = {"sh", script, "start", NULL};
	struct spawn s = SPAWN_INIT;
	struct spawn_child child;
	struct spawn_end end;

	if (access("/usr/bin/busybox", X_OK) != 0 && access("/bin/busybox", X_OK) != 0)
		return ENOENT;
	(void)snprintf(folder, sizeof(folder), LAB_FOLDER "/%s", host);
	(void)snprintf(script, sizeof(script), "%s/web.sh", folder);
	/* It becomes nobody once it has the port. */
	TRY(files_write(folder, title, unprivileged ? "" : " -u nobody"));
	s.path = "/bin/sh";
	s.argv = argv;
	s.netns_fd = netns_fd;
	TRY(spawn_start(&s, &child));
	TRY(spawn_collect(&child, START_WAIT_MS, &end));
	return end.signalled || end.code ? ERR_REFUSED : OK;
}
