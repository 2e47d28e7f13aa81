/* The floor of the control protocol: one process, one poll loop, which answers what it reads with the same bytes. No
 * controller can be answered by much less.
 *
 *   echo SOCKET            answers
 *   echo SOCKET PROGRAM    starts the program at each read and answers then; "down" follows when it has ended
 */
#define _GNU_SOURCE
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLIENTS = 64 };

static int put(int fd, const char *b, ssize_t n) {
  for (ssize_t w; n > 0; b += w, n -= w)
    if ((w = send(fd, b, n, MSG_NOSIGNAL)) <= 0) return 0;
  return 1;
}

static pid_t start(char *program) {
  char *argv[] = {program, NULL}, *env[] = {NULL};
  pid_t pid = vfork();
  if (pid == 0) {
    execve(program, argv, env);
    _exit(127);
  }
  return pid;
}

/* 0: the client has gone. */
static int answer(int fd, char *program) {
  static char b[65536];
  pid_t pid = -1;
  ssize_t n = read(fd, b, sizeof b);
  if (n <= 0) return 0;
  if (program && (pid = start(program)) < 0) return 0;
  if (!put(fd, b, n)) return 0;
  if (pid < 0) return 1;
  return waitpid(pid, NULL, 0) == pid && put(fd, "down\n", 5);
}

int main(int argc, char **argv) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  struct pollfd p[1 + CLIENTS];
  int n = 1;
  if (argc < 2 || strlen(argv[1]) >= sizeof a.sun_path) return 2;
  strcpy(a.sun_path, argv[1]);
  p[0].fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  p[0].events = POLLIN;
  if (bind(p[0].fd, (void *)&a, sizeof a) || listen(p[0].fd, CLIENTS)) return 1;
  while (poll(p, n, -1) > 0) {
    for (int i = n - 1; i > 0; i--)
      if (p[i].revents && !answer(p[i].fd, argc > 2 ? argv[2] : NULL)) {
        close(p[i].fd);
        p[i] = p[--n];
      }
    if (p[0].revents && n <= CLIENTS) {
      p[n].fd = accept4(p[0].fd, NULL, NULL, SOCK_CLOEXEC);
      p[n].events = POLLIN;
      p[n].revents = 0;
      if (p[n].fd >= 0) n++;
    }
  }
  return 1;
}
