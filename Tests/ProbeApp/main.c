// An app for the tests: does one thing, as its first argument says, and tells on stdout what it sees.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t got[65];

static void note(int signal) { got[signal]++; }

static void catch(int signal) {
    struct sigaction action = {.sa_handler = note};
    sigaction(signal, &action, NULL);
}

static void say(const char *text) {
    printf("%s\n", text);
    fflush(stdout);
}

static void pause_milliseconds(long count) {
    struct timespec time = {count / 1000, count % 1000 * 1000000};
    while (nanosleep(&time, &time) != 0 && errno == EINTR) {}
}

static long long monotonic(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (long long)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void notify(const char *text) {
    const char *name = getenv("NOTIFY_SOCKET");
    if (name == NULL) { say("no NOTIFY_SOCKET"); return; }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    memcpy(address.sun_path, name, length);
    if (name[0] == '@') address.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (sendto(fd, text, strlen(text), 0, (struct sockaddr *)&address, size) < 0) say("notify failed");
    close(fd);
}

static void copy_status_lines(void) {
    static const char *const wanted[] = {"SigBlk:", "SigIgn:", "SigCgt:", "Uid:", "Gid:", "Groups:", "CapInh:", "CapPrm:",
                                         "CapEff:", "CapBnd:", "CapAmb:", "NoNewPrivs:", NULL};
    FILE *status = fopen("/proc/self/status", "r");
    char line[4096];
    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        for (int i = 0; wanted[i] != NULL; i++) {
            if (strncmp(line, wanted[i], strlen(wanted[i])) == 0) fputs(line, stdout);
        }
    }
    if (status != NULL) fclose(status);
}

/// What a program can see of how it was started.
static int state(void) {
    extern char **environ;
    printf("pid %d\nppid %d\npgid %d\nsid %d\n", getpid(), getppid(), getpgrp(), getsid(0));
    copy_status_lines();
    DIR *fds = opendir("/proc/self/fd");
    struct dirent *entry;
    while (fds != NULL && (entry = readdir(fds)) != NULL) {
        char target[256] = "", path[300];
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(fds)) continue;
        snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
        if (readlink(path, target, sizeof target - 1) < 0) strcpy(target, "?");
        printf("fd %s %s\n", entry->d_name, target);
    }
    if (fds != NULL) closedir(fds);
    for (char **variable = environ; *variable != NULL; variable++) printf("env %s\n", *variable);
    fflush(stdout);
    return 0;
}

/// Catches everything it can and names what it gets, until SIGTERM or SIGQUIT.
static int signals(void) {
    static sig_atomic_t told[65];
    for (int signal = 1; signal <= 64; signal++) catch(signal);
    say("ready");
    for (;;) {
        for (int signal = 1; signal <= 64; signal++) {
            while (told[signal] < got[signal]) {
                told[signal]++;
                printf("got %d\n", signal);
                fflush(stdout);
                if (signal == SIGTERM || signal == SIGQUIT) return 0;
            }
        }
        pause_milliseconds(2);
    }
}

/// Counts reloads: each SIGHUP is answered by a line with the time at which it came.
static long long reloaded_at[4096];
static volatile sig_atomic_t reloads;
static void note_reload(int signal) {
    (void)signal;
    if (reloads < 4096) reloaded_at[reloads] = monotonic();
    reloads++;
}

static int reloadable(long milliseconds_before_handler) {
    catch(SIGTERM);
    say("started");
    pause_milliseconds(milliseconds_before_handler);
    struct sigaction action = {.sa_handler = note_reload};
    sigaction(SIGHUP, &action, NULL);
    notify("READY=1");
    say("ready");
    int told = 0;
    while (!got[SIGTERM]) {
        while (told < reloads) {
            printf("reload %d %lld\n", told + 1, told < 4096 ? reloaded_at[told] : 0);
            fflush(stdout);
            told++;
        }
        poll(NULL, 0, 1);
    }
    return 0;
}

static int orphans(int count) {
    for (int i = 0; i < count; i++) {
        pid_t child = fork();
        if (child == 0) {
            pid_t grandchild = fork();
            if (grandchild == 0) { pause_milliseconds(5); _exit(0); }
            _exit(0);
        }
        if (child > 0) waitpid(child, NULL, 0); else { pause_milliseconds(1); i--; }
    }
    say("orphaned");
    catch(SIGTERM);
    while (!got[SIGTERM]) pause_milliseconds(2);
    return 0;
}

/// A grandchild in a session of its own that needs a while after SIGTERM, then leaves a mark.
static int grandchild(long milliseconds, const char *mark, int is_deaf) {
    if (fork() == 0) {
        setsid();
        if (fork() != 0) _exit(0);
        if (is_deaf) signal(SIGTERM, SIG_IGN); else catch(SIGTERM);
        int fd = open(mark, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        dprintf(fd, "started %d\n", getpid());
        while (!got[SIGTERM]) pause_milliseconds(2);
        pause_milliseconds(milliseconds);
        dprintf(fd, "finished\n");
        _exit(0);
    }
    wait(NULL);
    struct stat info;
    while (stat(mark, &info) != 0 || info.st_size == 0) pause_milliseconds(2);
    say("ready");
    catch(SIGTERM);
    while (!got[SIGTERM]) pause_milliseconds(2);
    return 0;
}

/// Puts itself in the background, as daemons did; with "mainpid" it says where it went before it lets go.
static int daemonize(int says_so) {
    int ends[2];
    char byte;
    if (pipe(ends) != 0) return 1;
    catch(SIGTERM);
    if (fork() > 0) {
        close(ends[1]);
        return read(ends[0], &byte, 1) < 0;
    }
    if (says_so) {
        char text[64];
        snprintf(text, sizeof text, "MAINPID=%d\nREADY=1", getpid());
        notify(text);
    }
    say("in the background");
    close(ends[0]);
    close(ends[1]);
    while (!got[SIGTERM]) pause_milliseconds(2);
    say("background done");
    return 5;
}

/// In without.c.
int without(int count, char **words);

int main(int count, char **words) {
    const char *mode = count > 1 ? words[1] : "";
    const char *argument = count > 2 ? words[2] : "0";
    if (strcmp(mode, "state") == 0) return state();
    if (strcmp(mode, "without") == 0) return without(count - 2, words + 2);
    if (strcmp(mode, "exit") == 0) return atoi(argument);
    if (strcmp(mode, "die") == 0) { signal(atoi(argument), SIG_DFL); raise(atoi(argument)); return 1; }
    if (strcmp(mode, "signals") == 0) return signals();
    if (strcmp(mode, "reloadable") == 0) return reloadable(atol(argument));
    if (strcmp(mode, "orphans") == 0) return orphans(atoi(argument));
    if (strcmp(mode, "grandchild") == 0) return grandchild(atol(argument), words[3], 0);
    if (strcmp(mode, "deaf-grandchild") == 0) return grandchild(0, words[3], 1);
    if (strcmp(mode, "daemonize") == 0) return daemonize(0);
    if (strcmp(mode, "daemonize-mainpid") == 0) return daemonize(1);
    if (strcmp(mode, "deaf") == 0) {
        signal(SIGTERM, SIG_IGN);
        notify("READY=1");
        say("ready");
        for (;;) pause();
    }
    if (strcmp(mode, "wait") == 0) {
        catch(SIGTERM);
        state();
        say("ready");
        while (!got[SIGTERM]) pause_milliseconds(2);
        return atoi(argument);
    }
    if (strcmp(mode, "crash-after") == 0) {
        say("ready");
        pause_milliseconds(atol(argument));
        return 3;
    }
    if (strcmp(mode, "notify") == 0) {
        catch(SIGTERM);
        for (int i = 2; i < count; i++) notify(words[i]);
        say("notified");
        while (!got[SIGTERM]) pause_milliseconds(2);
        return 0;
    }
    if (strcmp(mode, "ready-fd") == 0) {
        catch(SIGTERM);
        int fd = atoi(argument);
        if (count > 3) { close(fd); } else if (write(fd, "\n", 1) != 1) { say("cannot write"); }
        while (!got[SIGTERM]) pause_milliseconds(2);
        return 0;
    }
    if (strcmp(mode, "read") == 0) {
        char line[256];
        catch(SIGINT);
        say("ready");
        while (!got[SIGINT]) {
            ssize_t length = read(0, line, sizeof line - 1);
            if (length <= 0) { if (errno == EINTR) continue; return 9; }
            line[length] = 0;
            printf("read %s", line);
            fflush(stdout);
        }
        say("interrupted");
        return 42;
    }
    fprintf(stderr, "probe-app: no mode \"%s\"\n", mode);
    return 2;
}
