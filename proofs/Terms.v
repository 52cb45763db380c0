(* Written by generate.py from fwp.rules, as Rules.v is: the terms of the rules as Core.v has them.
   <rule>_means: the definition in Rules.v is the value of the term. <rule>_structure: the witnesses that Python found for
   the structure of the rate, checked; by low_rank_sound, one_sided_sound and read_out_sound of Witness.v they are right
   for all sizes. *)
From Coq Require Import Reals QArith Qreals String Lra FunctionalExtensionality List.
From Fwp Require Import Tensor Primitives Rules Core Equality Witness.
Import ListNotations.
Open Scope string_scope.
Open Scope list_scope.
Open Scope R_scope.

(* Both sides are the same tree up to the spelling of numbers, brackets, and factors outside a sum: go down where they
   differ, and leave the rest to ring. *)
Ltac reduce := cbv -[Rplus Rmult Rminus Ropp Rdiv Rinv IZR Q2R Rsqr sum softmax normalize sigmoid tanh softplus relu
  exp ln sqrt eye tril].
Ltac rationals := repeat match goal with |- context [Q2R ?q] =>
  let n := eval cbv in (Qnum q) in let d := eval cbv in (Zpos (Qden q)) in
  replace (Q2R q) with (IZR n / IZR d) by (unfold Q2R; simpl; field) end.
Ltac agree := rationals; first [reflexivity | ring | field | under_sum | under_softmax | under_normalize
  | under tanh | under relu | under sigmoid | under softplus | under exp | under ln | under sqrt | under Rsqr | under Rinv]
with under_sum := match goal with |- ?L = ?R => match L with context [sum ?n ?f] => match R with context [sum n ?g] =>
  tryif constr_eq f g then fail else
    (replace (sum n f) with (sum n g) by (apply sum_ext; intros; cbv beta; symmetry; agree); agree) end end end
with under_softmax := match goal with |- ?L = ?R => match L with context [softmax ?n ?f ?i] =>
  match R with context [softmax n ?g i] => tryif constr_eq f g then fail else
    (replace (softmax n f i) with (softmax n g i)
      by (f_equal; apply functional_extensionality; intro; symmetry; agree); agree) end end end
with under_normalize := match goal with |- ?L = ?R => match L with context [normalize ?n ?f ?i] =>
  match R with context [normalize n ?g i] => tryif constr_eq f g then fail else
    (replace (normalize n f i) with (normalize n g i)
      by (f_equal; apply functional_extensionality; intro; symmetry; agree); agree) end end end
with under h := match goal with |- ?L = ?R => match L with context [h ?a] => match R with context [h ?b] =>
  tryif constr_eq a b then fail else (replace (h a) with (h b) by (f_equal; symmetry; agree); agree) end end end.
Ltac means rule := intros; unfold rule; reduce;
  repeat match goal with H : ?size ?a = ?size ?b |- _ => rewrite !H; clear H end; agree.

Definition hebb_term : term := (Product [(Var "beta" [] Slot []); (Var "v" ["value"] Slot ["value"]); (Var "k" ["key"]
    Slot ["key"])] ["value"; "key"]).

Lemma hebb_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env hebb_term i = hebb (size
    "value") (size "key") (fun i0 i1 => env State "W" [i0; i1]) (env Slot "beta" []) (fun i0 => env Slot "v" [i0])
    (fun i0 => env Slot "k" [i0]) (i "value") (i "key").
Proof. means hebb. Qed.

Lemma hebb_structure : low_rank [] "W" ["value"; "key"] "key" None [Write (Var "beta" [] Slot []) (Some (Var "v"
    ["value"] Slot ["value"])) None (Var "k" ["key"] Slot ["key"])] hebb_term = true.
Proof. vm_compute. reflexivity. Qed.

Definition oja_term : term := (Product [(Var "beta" [] Slot []); (Var "v" ["value"] Slot ["value"]); (Sum [(Var "k"
    ["key"] Slot ["key"]); (Scale (-1 # 1)%Q (Product [(Var "v" ["value"] Slot ["value"]); (Var "W" ["value"; "key"]
    State ["value"; "key"])] ["key"]) ["key"])] ["key"])] ["value"; "key"]).

Lemma oja_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env oja_term i = oja (size
    "value") (size "key") (fun i0 i1 => env State "W" [i0; i1]) (env Slot "beta" []) (fun i0 => env Slot "v" [i0])
    (fun i0 => env Slot "k" [i0]) (i "value") (i "key").
Proof. means oja. Qed.

Lemma oja_structure : low_rank [] "W" ["value"; "key"] "value" None [Write (Var "beta" [] Slot []) (Some (Var "k"
    ["key"] Slot ["key"])) (Some (Var "v" ["value"] Slot ["value"])) (Var "v" ["value"] Slot ["value"])] oja_term =
    true.
Proof. vm_compute. reflexivity. Qed.

Definition delta_term : term := (Product [(Var "beta" [] Slot []); (Sum [(Var "v" ["value"] Slot ["value"]); (Scale
    (-1 # 1)%Q (Product [(Var "W" ["value"; "key"] State ["value"; "key"]); (Var "k" ["key"] Slot ["key"])] ["value"])
    ["value"])] ["value"]); (Var "k" ["key"] Slot ["key"])] ["value"; "key"]).

Lemma delta_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env delta_term i = delta
    (size "value") (size "key") (fun i0 i1 => env State "W" [i0; i1]) (env Slot "beta" []) (fun i0 => env Slot "v"
    [i0]) (fun i0 => env Slot "k" [i0]) (i "value") (i "key").
Proof. means delta. Qed.

Lemma delta_structure : low_rank [] "W" ["value"; "key"] "key" None [Write (Var "beta" [] Slot []) (Some (Var "v"
    ["value"] Slot ["value"])) (Some (Var "k" ["key"] Slot ["key"])) (Var "k" ["key"] Slot ["key"])] delta_term =
    true.
Proof. vm_compute. reflexivity. Qed.

Definition tanh_delta_term : term := (Product [(Var "beta" [] Slot []); (Map Tanh None (Sum [(Var "v" ["value"] Slot
    ["value"]); (Scale (-1 # 1)%Q (Product [(Var "W" ["value"; "key"] State ["value"; "key"]); (Var "k" ["key"] Slot
    ["key"])] ["value"]) ["value"])] ["value"]) ["value"]); (Var "k" ["key"] Slot ["key"])] ["value"; "key"]).

Lemma tanh_delta_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env tanh_delta_term i
    = tanh_delta (size "value") (size "key") (fun i0 i1 => env State "W" [i0; i1]) (env Slot "beta" []) (fun i0 => env
    Slot "v" [i0]) (fun i0 => env Slot "k" [i0]) (i "value") (i "key").
Proof. means tanh_delta. Qed.

Lemma tanh_delta_structure : read_out [] "W" ["value"; "key"] "key" "u" (Var "k" ["key"] Slot ["key"]) (Var "k"
    ["key"] Slot ["key"]) (Product [(Var "beta" [] Slot []); (Map Tanh None (Sum [(Scale (-1 # 1)%Q (Var "u" ["value"]
    State ["value"]) ["value"]); (Var "v" ["value"] Slot ["value"])] ["value"]) ["value"])] ["value"]) tanh_delta_term
    = true.
Proof. vm_compute. reflexivity. Qed.

Definition softmax_oja_term : term := (Product [(Var "beta" [] Slot []); (Var "v" ["value"] Slot ["value"]); (Map
    Softmax (Some "key") (Sum [(Var "k" ["key"] Slot ["key"]); (Scale (-1 # 1)%Q (Product [(Var "v" ["value"] Slot
    ["value"]); (Var "W" ["value"; "key"] State ["value"; "key"])] ["key"]) ["key"])] ["key"]) ["key"])] ["value";
    "key"]).

Lemma softmax_oja_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env softmax_oja_term
    i = softmax_oja (size "value") (size "key") (fun i0 i1 => env State "W" [i0; i1]) (env Slot "beta" []) (fun i0 =>
    env Slot "v" [i0]) (fun i0 => env Slot "k" [i0]) (i "value") (i "key").
Proof. means softmax_oja. Qed.

Lemma softmax_oja_structure : read_out [] "W" ["value"; "key"] "value" "u" (Var "v" ["value"] Slot ["value"]) (Var "v"
    ["value"] Slot ["value"]) (Product [(Var "beta" [] Slot []); (Map Softmax (Some "key") (Sum [(Var "k" ["key"] Slot
    ["key"]); (Scale (-1 # 1)%Q (Var "u" ["key"] State ["key"]) ["key"])] ["key"]) ["key"])] ["key"]) softmax_oja_term
    = true.
Proof. vm_compute. reflexivity. Qed.

Definition hebb_transposed_term : term := (Product [(Var "beta" [] Slot []); (Var "v" ["value"] Slot ["value"]); (Var
    "k" ["key"] Slot ["key"])] ["value"; "key"]).

Lemma hebb_transposed_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env
    hebb_transposed_term i = hebb_transposed (size "value") (size "key") (fun i0 i1 => env State "W" [i0; i1]) (env
    Slot "beta" []) (fun i0 => env Slot "v" [i0]) (fun i0 => env Slot "k" [i0]) (i "value") (i "key").
Proof. means hebb_transposed. Qed.

Lemma hebb_transposed_structure : low_rank [] "W" ["value"; "key"] "key" None [Write (Var "beta" [] Slot []) (Some
    (Var "v" ["value"] Slot ["value"])) None (Var "k" ["key"] Slot ["key"])] hebb_transposed_term = true.
Proof. vm_compute. reflexivity. Qed.

Definition softmax_oja_transposed_term : term := (Product [(Var "beta" [] Slot []); (Var "v" ["value"] Slot
    ["value"]); (Map Softmax (Some "key") (Sum [(Var "k" ["key"] Slot ["key"]); (Scale (-1 # 1)%Q (Product [(Var "v"
    ["value"] Slot ["value"]); (Var "W" ["value"; "key"] State ["value"; "key"])] ["key"]) ["key"])] ["key"])
    ["key"])] ["value"; "key"]).

Lemma softmax_oja_transposed_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env
    softmax_oja_transposed_term i = softmax_oja_transposed (size "value") (size "key") (fun i0 i1 => env State "W"
    [i0; i1]) (env Slot "beta" []) (fun i0 => env Slot "v" [i0]) (fun i0 => env Slot "k" [i0]) (i "value") (i "key").
Proof. means softmax_oja_transposed. Qed.

Lemma softmax_oja_transposed_structure : read_out [] "W" ["value"; "key"] "value" "u" (Var "v" ["value"] Slot
    ["value"]) (Var "v" ["value"] Slot ["value"]) (Product [(Var "beta" [] Slot []); (Map Softmax (Some "key") (Sum
    [(Var "k" ["key"] Slot ["key"]); (Scale (-1 # 1)%Q (Var "u" ["key"] State ["key"]) ["key"])] ["key"]) ["key"])]
    ["key"]) softmax_oja_transposed_term = true.
Proof. vm_compute. reflexivity. Qed.

Definition classic_hebb_term : term := (Product [(Var "beta" [] Slot []); (Product [(Var "W" ["value"; "key"] State
    ["value"; "key"]); (Var "k" ["key"] Slot ["key"])] ["value"]); (Var "k" ["key"] Slot ["key"])] ["value"; "key"]).

Lemma classic_hebb_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env
    classic_hebb_term i = classic_hebb (size "value") (size "key") (fun i0 i1 => env State "W" [i0; i1]) (env Slot
    "beta" []) (fun i0 => env Slot "k" [i0]) (i "value") (i "key").
Proof. means classic_hebb. Qed.

Lemma classic_hebb_structure : low_rank [] "W" ["value"; "key"] "key" None [Write (Scale (-1 # 1)%Q (Var "beta" []
    Slot []) []) None (Some (Var "k" ["key"] Slot ["key"])) (Var "k" ["key"] Slot ["key"])] classic_hebb_term = true.
Proof. vm_compute. reflexivity. Qed.

Definition anti_hebb_term : term := (Scale (-1 # 1)%Q (Product [(Var "beta" [] Slot []); (Product [(Var "W" ["value";
    "key"] State ["value"; "key"]); (Var "k" ["key"] Slot ["key"])] ["value"]); (Var "k" ["key"] Slot ["key"])]
    ["value"; "key"]) ["value"; "key"]).

Lemma anti_hebb_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env anti_hebb_term i =
    anti_hebb (size "value") (size "key") (fun i0 i1 => env State "W" [i0; i1]) (env Slot "beta" []) (fun i0 => env
    Slot "k" [i0]) (i "value") (i "key").
Proof. means anti_hebb. Qed.

Lemma anti_hebb_structure : low_rank [] "W" ["value"; "key"] "key" None [Write (Var "beta" [] Slot []) None (Some (Var
    "k" ["key"] Slot ["key"])) (Var "k" ["key"] Slot ["key"])] anti_hebb_term = true.
Proof. vm_compute. reflexivity. Qed.

Definition oja_neuron_term : term := (Product [(Var "beta" [] Slot []); (Product [(Var "w" ["key"] State ["key"]);
    (Var "k" ["key"] Slot ["key"])] []); (Sum [(Var "k" ["key"] Slot ["key"]); (Scale (-1 # 1)%Q (Product [(Product
    [(Var "w" ["key"] State ["key"]); (Var "k" ["key"] Slot ["key"])] []); (Var "w" ["key"] State ["key"])] ["key"])
    ["key"])] ["key"])] ["key"]).

Lemma oja_neuron_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env oja_neuron_term i
    = oja_neuron (size "key") (fun i0 => env State "w" [i0]) (env Slot "beta" []) (fun i0 => env Slot "k" [i0]) (i
    "key").
Proof. means oja_neuron. Qed.

Definition oja_subspace_term : term := (Product [(Var "beta" [] Slot []); (Product [(Var "W" ["value"; "key"] State
    ["value"; "key"]); (Var "k" ["key"] Slot ["key"])] ["value"]); (Sum [(Var "k" ["key"] Slot ["key"]); (Scale (-1 #
    1)%Q (Product [(Product [(Var "W" ["value"; "key"] State ["value"; "key"]); (Var "k" ["key"] Slot ["key"])]
    ["value"]); (Var "W" ["value"; "key"] State ["value"; "key"])] ["key"]) ["key"])] ["key"])] ["value"; "key"]).

Lemma oja_subspace_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env
    oja_subspace_term i = oja_subspace (size "value") (size "key") (fun i0 i1 => env State "W" [i0; i1]) (env Slot
    "beta" []) (fun i0 => env Slot "k" [i0]) (i "value") (i "key").
Proof. means oja_subspace. Qed.

Definition sanger_term : term := (Product [(Var "beta" [] Slot []); (Sum [(Product [(Product [(Var "W" ["value";
    "key"] State ["value"; "key"]); (Var "k" ["key"] Slot ["key"])] ["value"]); (Var "k" ["key"] Slot ["key"])]
    ["value"; "key"]); (Scale (-1 # 1)%Q (Product [(Const Tril ["value"; "value2"]); (Product [(Var "W" ["value";
    "key"] State ["value"; "key"]); (Var "k" ["key"] Slot ["key"])] ["value"]); (Product [(Var "W" ["value"; "key"]
    State ["value2"; "key"]); (Var "k" ["key"] Slot ["key"])] ["value2"]); (Var "W" ["value"; "key"] State ["value2";
    "key"])] ["value"; "key"]) ["value"; "key"])] ["value"; "key"])] ["value"; "key"]).

Lemma sanger_means : forall (size : axis -> nat) (env : environment) (i : index), size "value2" = size "value" -> eval
    size env sanger_term i = sanger (size "value") (size "key") (fun i0 i1 => env State "W" [i0; i1]) (env Slot "beta"
    []) (fun i0 => env Slot "k" [i0]) (i "value") (i "key").
Proof. means sanger. Qed.

Definition leaky_delta_term : term := (Sum [(Product [(Var "beta" [] Slot []); (Sum [(Var "v" ["value"] Slot
    ["value"]); (Scale (-1 # 1)%Q (Product [(Var "W" ["value"; "key"] State ["value"; "key"]); (Var "k" ["key"] Slot
    ["key"])] ["value"]) ["value"])] ["value"]); (Var "k" ["key"] Slot ["key"])] ["value"; "key"]); (Scale (-1 # 1)%Q
    (Product [(Var "gamma" [] Slot []); (Var "W" ["value"; "key"] State ["value"; "key"])] ["value"; "key"]) ["value";
    "key"])] ["value"; "key"]).

Lemma leaky_delta_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env leaky_delta_term
    i = leaky_delta (size "value") (size "key") (fun i0 i1 => env State "W" [i0; i1]) (env Slot "beta" []) (fun i0 =>
    env Slot "v" [i0]) (fun i0 => env Slot "k" [i0]) (env Slot "gamma" []) (i "value") (i "key").
Proof. means leaky_delta. Qed.

Lemma leaky_delta_structure : low_rank [] "W" ["value"; "key"] "key" (Some (Var "gamma" [] Slot [])) [Write (Var
    "beta" [] Slot []) (Some (Var "v" ["value"] Slot ["value"])) (Some (Var "k" ["key"] Slot ["key"])) (Var "k"
    ["key"] Slot ["key"])] leaky_delta_term = true.
Proof. vm_compute. reflexivity. Qed.

Definition gated_delta_term : term := (Sum [(Product [(Var "beta" [] Slot []); (Sum [(Var "v" ["value"] Slot
    ["value"]); (Scale (-1 # 1)%Q (Product [(Var "W" ["value"; "key"] State ["value"; "key"]); (Var "k" ["key"] Slot
    ["key"])] ["value"]) ["value"])] ["value"]); (Var "k" ["key"] Slot ["key"])] ["value"; "key"]); (Scale (-1 # 1)%Q
    (Product [(Var "forget" ["key"] Slot ["key"]); (Var "W" ["value"; "key"] State ["value"; "key"])] ["value";
    "key"]) ["value"; "key"])] ["value"; "key"]).

Lemma gated_delta_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env gated_delta_term
    i = gated_delta (size "value") (size "key") (fun i0 i1 => env State "W" [i0; i1]) (env Slot "beta" []) (fun i0 =>
    env Slot "v" [i0]) (fun i0 => env Slot "k" [i0]) (fun i0 => env Slot "forget" [i0]) (i "value") (i "key").
Proof. means gated_delta. Qed.

Lemma gated_delta_structure : one_sided [("key2", "key")] "W" ["value"; "key"] "key" "key2" (Sum [(Scale (-1 # 1)%Q
    (Product [(Const Eye ["key"; "key2"]); (Var "forget" ["key"] Slot ["key"])] ["key2"; "key"]) ["key2"; "key"]);
    (Scale (-1 # 1)%Q (Product [(Var "beta" [] Slot []); (Var "k" ["key"] Slot ["key2"]); (Var "k" ["key"] Slot
    ["key"])] ["key2"; "key"]) ["key2"; "key"])] ["key2"; "key"]) (Some (Product [(Var "beta" [] Slot []); (Var "v"
    ["value"] Slot ["value"]); (Var "k" ["key"] Slot ["key"])] ["value"; "key"])) gated_delta_term = true.
Proof. vm_compute. reflexivity. Qed.

Definition erase_write_term : term := (Product [(Sum [(Product [(Var "write" ["value"] Slot ["value"]); (Var "v"
    ["value"] Slot ["value"])] ["value"]); (Scale (-1 # 1)%Q (Product [(Var "W" ["value"; "key"] State ["value";
    "key"]); (Var "erase" ["key"] Slot ["key"]); (Var "k" ["key"] Slot ["key"])] ["value"]) ["value"])] ["value"]);
    (Var "k" ["key"] Slot ["key"])] ["value"; "key"]).

Lemma erase_write_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env erase_write_term
    i = erase_write (size "value") (size "key") (fun i0 i1 => env State "W" [i0; i1]) (fun i0 => env Slot "write"
    [i0]) (fun i0 => env Slot "v" [i0]) (fun i0 => env Slot "erase" [i0]) (fun i0 => env Slot "k" [i0]) (i "value") (i
    "key").
Proof. means erase_write. Qed.

Lemma erase_write_structure : low_rank [] "W" ["value"; "key"] "key" None [Write (Product [] []) (Some (Product [(Var
    "v" ["value"] Slot ["value"]); (Var "write" ["value"] Slot ["value"])] ["value"])) (Some (Product [(Var "erase"
    ["key"] Slot ["key"]); (Var "k" ["key"] Slot ["key"])] ["key"])) (Var "k" ["key"] Slot ["key"])] erase_write_term
    = true.
Proof. vm_compute. reflexivity. Qed.

Definition covariance_W_term : term := (Product [(Var "beta" [] Slot []); (Sum [(Var "v" ["value"] Slot ["value"]);
    (Scale (-1 # 1)%Q (Var "v_mean" ["value"] State ["value"]) ["value"])] ["value"]); (Sum [(Var "k" ["key"] Slot
    ["key"]); (Scale (-1 # 1)%Q (Var "k_mean" ["key"] State ["key"]) ["key"])] ["key"])] ["value"; "key"]).

Lemma covariance_W_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env
    covariance_W_term i = covariance_W (size "value") (size "key") (fun i0 i1 => env State "W" [i0; i1]) (fun i0 =>
    env State "k_mean" [i0]) (fun i0 => env State "v_mean" [i0]) (env Slot "beta" []) (fun i0 => env Slot "v" [i0])
    (fun i0 => env Slot "k" [i0]) (env Slot "gamma" []) (i "value") (i "key").
Proof. means covariance_W. Qed.

Definition covariance_k_mean_term : term := (Product [(Var "gamma" [] Slot []); (Sum [(Var "k" ["key"] Slot ["key"]);
    (Scale (-1 # 1)%Q (Var "k_mean" ["key"] State ["key"]) ["key"])] ["key"])] ["key"]).

Lemma covariance_k_mean_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env
    covariance_k_mean_term i = covariance_k_mean (size "value") (size "key") (fun i0 i1 => env State "W" [i0; i1])
    (fun i0 => env State "k_mean" [i0]) (fun i0 => env State "v_mean" [i0]) (env Slot "beta" []) (fun i0 => env Slot
    "v" [i0]) (fun i0 => env Slot "k" [i0]) (env Slot "gamma" []) (i "key").
Proof. means covariance_k_mean. Qed.

Lemma covariance_k_mean_structure : low_rank [] "k_mean" ["key"] "key" (Some (Var "gamma" [] Slot [])) [Write (Var
    "gamma" [] Slot []) (Some (Product [] [])) None (Var "k" ["key"] Slot ["key"])] covariance_k_mean_term = true.
Proof. vm_compute. reflexivity. Qed.

Definition covariance_v_mean_term : term := (Product [(Var "gamma" [] Slot []); (Sum [(Var "v" ["value"] Slot
    ["value"]); (Scale (-1 # 1)%Q (Var "v_mean" ["value"] State ["value"]) ["value"])] ["value"])] ["value"]).

Lemma covariance_v_mean_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env
    covariance_v_mean_term i = covariance_v_mean (size "value") (size "key") (fun i0 i1 => env State "W" [i0; i1])
    (fun i0 => env State "k_mean" [i0]) (fun i0 => env State "v_mean" [i0]) (env Slot "beta" []) (fun i0 => env Slot
    "v" [i0]) (fun i0 => env Slot "k" [i0]) (env Slot "gamma" []) (i "value").
Proof. means covariance_v_mean. Qed.

Lemma covariance_v_mean_structure : low_rank [] "v_mean" ["value"] "value" (Some (Var "gamma" [] Slot [])) [Write (Var
    "gamma" [] Slot []) (Some (Product [] [])) None (Var "v" ["value"] Slot ["value"])] covariance_v_mean_term = true.
Proof. vm_compute. reflexivity. Qed.

Definition bcm_W_term : term := (Product [(Var "beta" [] Slot []); (Product [(Var "W" ["value"; "key"] State ["value";
    "key"]); (Var "k" ["key"] Slot ["key"])] ["value"]); (Sum [(Product [(Var "W" ["value"; "key"] State ["value";
    "key"]); (Var "k" ["key"] Slot ["key"])] ["value"]); (Scale (-1 # 1)%Q (Var "theta" ["value"] State ["value"])
    ["value"])] ["value"]); (Var "k" ["key"] Slot ["key"])] ["value"; "key"]).

Lemma bcm_W_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env bcm_W_term i = bcm_W
    (size "value") (size "key") (fun i0 i1 => env State "W" [i0; i1]) (fun i0 => env State "theta" [i0]) (env Slot
    "beta" []) (fun i0 => env Slot "k" [i0]) (env Slot "gamma" []) (i "value") (i "key").
Proof. means bcm_W. Qed.

Definition bcm_theta_term : term := (Product [(Var "gamma" [] Slot []); (Sum [(Map Square None (Product [(Var "W"
    ["value"; "key"] State ["value"; "key"]); (Var "k" ["key"] Slot ["key"])] ["value"]) ["value"]); (Scale (-1 # 1)%Q
    (Var "theta" ["value"] State ["value"]) ["value"])] ["value"])] ["value"]).

Lemma bcm_theta_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env bcm_theta_term i =
    bcm_theta (size "value") (size "key") (fun i0 i1 => env State "W" [i0; i1]) (fun i0 => env State "theta" [i0])
    (env Slot "beta" []) (fun i0 => env Slot "k" [i0]) (env Slot "gamma" []) (i "value").
Proof. means bcm_theta. Qed.

Definition momentum_delta_W_term : term := (Var "M" ["value"; "key"] State ["value"; "key"]).

Lemma momentum_delta_W_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env
    momentum_delta_W_term i = momentum_delta_W (size "value") (size "key") (fun i0 i1 => env State "W" [i0; i1]) (fun
    i0 i1 => env State "M" [i0; i1]) (env Slot "beta" []) (fun i0 => env Slot "v" [i0]) (fun i0 => env Slot "k" [i0])
    (env Slot "gamma" []) (i "value") (i "key").
Proof. means momentum_delta_W. Qed.

Definition momentum_delta_M_term : term := (Sum [(Product [(Var "beta" [] Slot []); (Sum [(Var "v" ["value"] Slot
    ["value"]); (Scale (-1 # 1)%Q (Product [(Var "W" ["value"; "key"] State ["value"; "key"]); (Var "k" ["key"] Slot
    ["key"])] ["value"]) ["value"])] ["value"]); (Var "k" ["key"] Slot ["key"])] ["value"; "key"]); (Scale (-1 # 1)%Q
    (Product [(Var "gamma" [] Slot []); (Var "M" ["value"; "key"] State ["value"; "key"])] ["value"; "key"]) ["value";
    "key"])] ["value"; "key"]).

Lemma momentum_delta_M_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env
    momentum_delta_M_term i = momentum_delta_M (size "value") (size "key") (fun i0 i1 => env State "W" [i0; i1]) (fun
    i0 i1 => env State "M" [i0; i1]) (env Slot "beta" []) (fun i0 => env Slot "v" [i0]) (fun i0 => env Slot "k" [i0])
    (env Slot "gamma" []) (i "value") (i "key").
Proof. means momentum_delta_M. Qed.

Definition self_reference_W_term : term := (Product [(Map Sigmoid None (Product [(Var "wb" ["key"] State ["key"]);
    (Var "u" ["key"] Slot ["key"])] []) []); (Sum [(Product [(Var "W" ["value"; "key"] State ["value"; "key"]); (Map
    Softmax (Some "key") (Product [(Var "Wq" ["key2"; "key"] State ["key"; "key3"]); (Var "u" ["key"] Slot ["key3"])]
    ["key"]) ["key"])] ["value"]); (Scale (-1 # 1)%Q (Product [(Var "W" ["value"; "key"] State ["value"; "key"]); (Map
    Softmax (Some "key") (Product [(Var "Wk" ["key2"; "key"] State ["key"; "key3"]); (Var "u" ["key"] Slot ["key3"])]
    ["key"]) ["key"])] ["value"]) ["value"])] ["value"]); (Map Softmax (Some "key") (Product [(Var "Wk" ["key2";
    "key"] State ["key"; "key3"]); (Var "u" ["key"] Slot ["key3"])] ["key"]) ["key"])] ["value"; "key"]).

Lemma self_reference_W_means : forall (size : axis -> nat) (env : environment) (i : index), size "key2" = size "key"
    -> size "key3" = size "key" -> eval size env self_reference_W_term i = self_reference_W (size "value") (size
    "key") (fun i0 i1 => env State "W" [i0; i1]) (fun i0 i1 => env State "Wk" [i0; i1]) (fun i0 i1 => env State "Wq"
    [i0; i1]) (fun i0 => env State "wb" [i0]) (fun i0 => env Slot "u" [i0]) (i "value") (i "key").
Proof. means self_reference_W. Qed.

Definition self_reference_Wk_term : term := (Product [(Map Sigmoid None (Product [(Var "wb" ["key"] State ["key"]);
    (Var "u" ["key"] Slot ["key"])] []) []); (Sum [(Product [(Var "Wk" ["key2"; "key"] State ["key2"; "key"]); (Map
    Softmax (Some "key") (Product [(Var "Wq" ["key2"; "key"] State ["key"; "key3"]); (Var "u" ["key"] Slot ["key3"])]
    ["key"]) ["key"])] ["key2"]); (Scale (-1 # 1)%Q (Product [(Var "Wk" ["key2"; "key"] State ["key2"; "key"]); (Map
    Softmax (Some "key") (Product [(Var "Wk" ["key2"; "key"] State ["key"; "key3"]); (Var "u" ["key"] Slot ["key3"])]
    ["key"]) ["key"])] ["key2"]) ["key2"])] ["key2"]); (Map Softmax (Some "key") (Product [(Var "Wk" ["key2"; "key"]
    State ["key"; "key3"]); (Var "u" ["key"] Slot ["key3"])] ["key"]) ["key"])] ["key2"; "key"]).

Lemma self_reference_Wk_means : forall (size : axis -> nat) (env : environment) (i : index), size "key2" = size "key"
    -> size "key3" = size "key" -> eval size env self_reference_Wk_term i = self_reference_Wk (size "value") (size
    "key") (fun i0 i1 => env State "W" [i0; i1]) (fun i0 i1 => env State "Wk" [i0; i1]) (fun i0 i1 => env State "Wq"
    [i0; i1]) (fun i0 => env State "wb" [i0]) (fun i0 => env Slot "u" [i0]) (i "key2") (i "key").
Proof. means self_reference_Wk. Qed.

Definition self_reference_Wq_term : term := (Product [(Map Sigmoid None (Product [(Var "wb" ["key"] State ["key"]);
    (Var "u" ["key"] Slot ["key"])] []) []); (Sum [(Product [(Var "Wq" ["key2"; "key"] State ["key2"; "key"]); (Map
    Softmax (Some "key") (Product [(Var "Wq" ["key2"; "key"] State ["key"; "key3"]); (Var "u" ["key"] Slot ["key3"])]
    ["key"]) ["key"])] ["key2"]); (Scale (-1 # 1)%Q (Product [(Var "Wq" ["key2"; "key"] State ["key2"; "key"]); (Map
    Softmax (Some "key") (Product [(Var "Wk" ["key2"; "key"] State ["key"; "key3"]); (Var "u" ["key"] Slot ["key3"])]
    ["key"]) ["key"])] ["key2"]) ["key2"])] ["key2"]); (Map Softmax (Some "key") (Product [(Var "Wk" ["key2"; "key"]
    State ["key"; "key3"]); (Var "u" ["key"] Slot ["key3"])] ["key"]) ["key"])] ["key2"; "key"]).

Lemma self_reference_Wq_means : forall (size : axis -> nat) (env : environment) (i : index), size "key2" = size "key"
    -> size "key3" = size "key" -> eval size env self_reference_Wq_term i = self_reference_Wq (size "value") (size
    "key") (fun i0 i1 => env State "W" [i0; i1]) (fun i0 i1 => env State "Wk" [i0; i1]) (fun i0 i1 => env State "Wq"
    [i0; i1]) (fun i0 => env State "wb" [i0]) (fun i0 => env Slot "u" [i0]) (i "key2") (i "key").
Proof. means self_reference_Wq. Qed.

Definition self_reference_wb_term : term := (Product [(Map Sigmoid None (Product [(Var "wb" ["key"] State ["key"]);
    (Var "u" ["key"] Slot ["key"])] []) []); (Sum [(Product [(Var "wb" ["key"] State ["key"]); (Map Softmax (Some
    "key") (Product [(Var "Wq" ["key2"; "key"] State ["key"; "key3"]); (Var "u" ["key"] Slot ["key3"])] ["key"])
    ["key"])] []); (Scale (-1 # 1)%Q (Product [(Var "wb" ["key"] State ["key"]); (Map Softmax (Some "key") (Product
    [(Var "Wk" ["key2"; "key"] State ["key"; "key3"]); (Var "u" ["key"] Slot ["key3"])] ["key"]) ["key"])] []) [])]
    []); (Map Softmax (Some "key") (Product [(Var "Wk" ["key2"; "key"] State ["key"; "key3"]); (Var "u" ["key"] Slot
    ["key3"])] ["key"]) ["key"])] ["key"]).

Lemma self_reference_wb_means : forall (size : axis -> nat) (env : environment) (i : index), size "key2" = size "key"
    -> size "key3" = size "key" -> eval size env self_reference_wb_term i = self_reference_wb (size "value") (size
    "key") (fun i0 i1 => env State "W" [i0; i1]) (fun i0 i1 => env State "Wk" [i0; i1]) (fun i0 i1 => env State "Wq"
    [i0; i1]) (fun i0 => env State "wb" [i0]) (fun i0 => env Slot "u" [i0]) (i "key").
Proof. means self_reference_wb. Qed.

Definition ncde_term : term := (Product [(Map Tanh None (Sum [(Product [(Var "A_out" ["hidden"; "channel"; "inner"]
    Slot ["hidden"; "channel"; "inner"]); (Map Relu None (Sum [(Product [(Var "A_in" ["inner"; "hidden"] Slot
    ["inner"; "hidden"]); (Var "z" ["hidden"] State ["hidden"])] ["inner"]); (Var "b_in" ["inner"] Slot ["inner"])]
    ["inner"]) ["inner"])] ["hidden"; "channel"]); (Var "b_out" ["hidden"; "channel"] Slot ["hidden"; "channel"])]
    ["hidden"; "channel"]) ["hidden"; "channel"]); (Var "dx" ["channel"] Increment ["channel"])] ["hidden"]).

Lemma ncde_means : forall (size : axis -> nat) (env : environment) (i : index), eval size env ncde_term i = ncde (size
    "hidden") (size "channel") (size "inner") (fun i0 => env State "z" [i0]) (fun i0 i1 i2 => env Slot "A_out" [i0;
    i1; i2]) (fun i0 i1 => env Slot "A_in" [i0; i1]) (fun i0 => env Slot "b_in" [i0]) (fun i0 i1 => env Slot "b_out"
    [i0; i1]) (fun i0 => env Increment "dx" [i0]) (i "hidden").
Proof. means ncde. Qed.

Definition nrde_term : term := (Product [(Sum [(Product [(Var "A_out" ["hidden"; "channel"; "inner"] Slot ["hidden";
    "channel"; "inner"]); (Map Tanh None (Sum [(Product [(Var "A_h" ["inner"; "inner2"] Slot ["inner"; "inner2"]);
    (Map Relu None (Sum [(Product [(Var "A_h" ["inner"; "inner2"] Slot ["inner2"; "inner3"]); (Map Relu None (Sum
    [(Product [(Var "A_in" ["inner"; "hidden"] Slot ["inner3"; "hidden"]); (Var "z" ["hidden"] State ["hidden"])]
    ["inner3"]); (Var "b_in" ["inner"] Slot ["inner3"])] ["inner3"]) ["inner3"])] ["inner2"]); (Var "b_h" ["inner"]
    Slot ["inner2"])] ["inner2"]) ["inner2"])] ["inner"]); (Var "b_h" ["inner"] Slot ["inner"])] ["inner"])
    ["inner"])] ["hidden"; "channel"]); (Var "b_out" ["hidden"; "channel"] Slot ["hidden"; "channel"])] ["hidden";
    "channel"]); (Var "dx" ["channel"] Increment ["channel"])] ["hidden"]).

Lemma nrde_means : forall (size : axis -> nat) (env : environment) (i : index), size "inner2" = size "inner" -> size
    "inner3" = size "inner" -> eval size env nrde_term i = nrde (size "hidden") (size "channel") (size "inner") (fun
    i0 => env State "z" [i0]) (fun i0 i1 i2 => env Slot "A_out" [i0; i1; i2]) (fun i0 i1 => env Slot "A_h" [i0; i1])
    (fun i0 i1 => env Slot "A_in" [i0; i1]) (fun i0 => env Slot "b_in" [i0]) (fun i0 => env Slot "b_h" [i0]) (fun i0
    i1 => env Slot "b_out" [i0; i1]) (fun i0 => env Increment "dx" [i0]) (i "hidden").
Proof. means nrde. Qed.

Definition big_map_term : term := (Product [(Map Tanh None (Sum [(Product [(Var "M_out" ["hidden"; "channel";
    "channel2"; "inner"] Slot ["hidden"; "channel"; "channel2"; "inner"]); (Map Relu None (Sum [(Product [(Var "M_in"
    ["inner"; "hidden"; "channel"] Slot ["inner"; "hidden"; "channel"]); (Var "B" ["hidden"; "channel"] State
    ["hidden"; "channel"])] ["inner"]); (Var "m_in" ["inner"] Slot ["inner"])] ["inner"]) ["inner"])] ["hidden";
    "channel"; "channel2"]); (Var "m_out" ["hidden"; "channel"; "channel2"] Slot ["hidden"; "channel"; "channel2"])]
    ["hidden"; "channel"; "channel2"]) ["hidden"; "channel"; "channel2"]); (Var "dx" ["channel"] Increment
    ["channel2"])] ["hidden"; "channel"]).

Lemma big_map_means : forall (size : axis -> nat) (env : environment) (i : index), size "channel2" = size "channel" ->
    eval size env big_map_term i = big_map (size "hidden") (size "channel") (size "inner") (fun i0 i1 => env State "B"
    [i0; i1]) (fun i0 i1 i2 i3 => env Slot "M_out" [i0; i1; i2; i3]) (fun i0 i1 i2 => env Slot "M_in" [i0; i1; i2])
    (fun i0 => env Slot "m_in" [i0]) (fun i0 i1 i2 => env Slot "m_out" [i0; i1; i2]) (fun i0 => env Increment "dx"
    [i0]) (i "hidden") (i "channel").
Proof. means big_map. Qed.

Definition gru_ode_term : term := (Product [(Sum [(Const Ones ["hidden"]); (Scale (-1 # 1)%Q (Map Sigmoid None (Sum
    [(Var "u_x" ["hidden"] Slot ["hidden"]); (Product [(Var "U_u" ["hidden"; "hidden2"] Slot ["hidden"; "hidden2"]);
    (Var "z" ["hidden"] State ["hidden2"])] ["hidden"])] ["hidden"]) ["hidden"]) ["hidden"])] ["hidden"]); (Sum [(Map
    Tanh None (Sum [(Var "g_x" ["hidden"] Slot ["hidden"]); (Product [(Var "U_g" ["hidden"; "hidden2"] Slot ["hidden";
    "hidden2"]); (Map Sigmoid None (Sum [(Var "r_x" ["hidden"] Slot ["hidden2"]); (Product [(Var "U_r" ["hidden";
    "hidden2"] Slot ["hidden2"; "hidden3"]); (Var "z" ["hidden"] State ["hidden3"])] ["hidden2"])] ["hidden2"])
    ["hidden2"]); (Var "z" ["hidden"] State ["hidden2"])] ["hidden"])] ["hidden"]) ["hidden"]); (Scale (-1 # 1)%Q (Var
    "z" ["hidden"] State ["hidden"]) ["hidden"])] ["hidden"])] ["hidden"]).

Lemma gru_ode_means : forall (size : axis -> nat) (env : environment) (i : index), size "hidden2" = size "hidden" ->
    size "hidden3" = size "hidden" -> eval size env gru_ode_term i = gru_ode (size "hidden") (fun i0 => env State "z"
    [i0]) (fun i0 => env Slot "u_x" [i0]) (fun i0 i1 => env Slot "U_u" [i0; i1]) (fun i0 => env Slot "g_x" [i0]) (fun
    i0 i1 => env Slot "U_g" [i0; i1]) (fun i0 => env Slot "r_x" [i0]) (fun i0 i1 => env Slot "U_r" [i0; i1]) (i
    "hidden").
Proof. means gru_ode. Qed.
