// Runs the main methods of Kafka's tools one after the other in one JVM, and says what each printed
// and exited with. What would end the JVM ends the one tool.
//
// A request is a line of base64 words: the class, its standard input, its arguments. The answer is a
// line of three words: exit code, standard output, standard error.
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

import org.apache.kafka.common.utils.Exit;

public class ToolRunner {
    static final class Exited extends Error {
        Exited() {
            super(null, null, false, false);
        }
    }

    /** What a tool had printed when it first asked to exit: what it does after is our doing. */
    static final class Exiting {
        Integer code;
        int outSize;
        int errSize;
    }

    public static void main(String[] ignored) throws Exception {
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in));
        PrintStream answers = System.out;
        for (String line = requests.readLine(); line != null; line = requests.readLine()) {
            answers.println(answer(line.split(" ")));
            answers.flush();
        }
    }

    private static String answer(String[] words) throws Exception {
        List<Runnable> hooks = new ArrayList<>();
        String[] arguments = new String[words.length - 2];
        for (int i = 0; i < arguments.length; i++) arguments[i] = new String(decode(words[i + 2]));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        System.setIn(new ByteArrayInputStream(decode(words[1])));
        System.setOut(new PrintStream(out, true));
        System.setErr(new PrintStream(err, true));
        Exiting exiting = new Exiting();
        Exit.Procedure procedure = (code, message) -> {
            if (exiting.code == null) {
                System.out.flush();
                System.err.flush();
                exiting.code = code;
                exiting.outSize = out.size();
                exiting.errSize = err.size();
            }
            throw new Exited();
        };
        Exit.setExitProcedure(procedure);
        Exit.setHaltProcedure(procedure);
        Exit.setShutdownHookAdder((name, hook) -> hooks.add(hook));
        int code = run(new String(decode(words[0])), arguments);
        if (exiting.code == null) {
            exiting.code = code;
            exiting.outSize = out.size();
            exiting.errSize = err.size();
        }
        int outBefore = out.size();
        int errBefore = err.size();
        for (Runnable hook : hooks) hook.run();
        System.out.flush();
        System.err.flush();
        return exiting.code + " " + encode(without(out, exiting.outSize, outBefore)) + " "
            + encode(without(err, exiting.errSize, errBefore));
    }

    private static byte[] without(ByteArrayOutputStream bytes, int from, int to) {
        byte[] all = bytes.toByteArray();
        byte[] kept = new byte[all.length - (to - from)];
        System.arraycopy(all, 0, kept, 0, from);
        System.arraycopy(all, to, kept, from, all.length - to);
        return kept;
    }

    private static int run(String name, String[] arguments) throws Exception {
        try {
            Class.forName(name).getMethod("main", String[].class).invoke(null, (Object) arguments);
            return 0;
        } catch (InvocationTargetException wrapped) {
            Throwable cause = wrapped.getCause();
            for (Throwable at = cause; at != null; at = at.getCause()) {
                if (at instanceof Exited) return 1;
            }
            System.err.print("Exception in thread \"main\" ");
            cause.printStackTrace();
            return 1;
        }
    }

    private static byte[] decode(String word) {
        return Base64.getDecoder().decode(word.substring(1));
    }

    private static String encode(byte[] bytes) {
        return "=" + Base64.getEncoder().encodeToString(bytes);
    }
}
