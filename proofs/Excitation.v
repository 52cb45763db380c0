(* T5, persistent excitation: where the keys of every window reach all directions, Delta forgets its initial state
   exponentially, and learns the matrix that made the values. *)
From Coq Require Import Reals Lra Lia List.
From Coquelicot Require Import Coquelicot.
From Fwp Require Import Tensor Calculus Rules DeltaFlow.
Open Scope R_scope.

Section row.
  (* A row of W − W* on one window: d' = −β (d·k) k. *)
  Variables (m : nat) (beta : R -> R) (k d : R -> vector) (breaks : list R) (a b : R).
  Hypothesis window : a <= b.
  Hypothesis beta_nonneg : forall t, a < t < b -> ~ In t breaks -> 0 <= beta t.
  Hypothesis beta_cont : forall t, a < t < b -> ~ In t breaks -> continuous beta t.
  Hypothesis k_cont : forall t j, a < t < b -> ~ In t breaks -> (j < m)%nat -> continuous (fun s => k s j) t.
  Hypothesis energy_integrable : forall x y, ex_RInt (fun s => beta s * norm2 m (k s)) x y.
  Hypothesis d_cont : forall t j, a <= t <= b -> (j < m)%nat -> continuous (fun s => d s j) t.
  Hypothesis d_derive : forall t j, a < t < b -> ~ In t breaks -> (j < m)%nat ->
    is_derive (fun s => d s j) t (- (beta t * dot m (d t) (k t)) * k t j).

  (* B(t) = ∫_a^t β|k|², and J(t) = ½(|d(a)|² − |d(t)|²) = ∫_a^t β (d·k)². *)
  Let energy (t : R) := RInt (fun s => beta s * norm2 m (k s)) a t.
  Let loss (t : R) := / 2 * (norm2 m (d a) - norm2 m (d t)).

  Lemma energy_derive : forall t, a < t < b -> ~ In t breaks -> is_derive energy t (beta t * norm2 m (k t)).
  Proof.
    intros t Ht Hn. apply (derive_integral (fun s => beta s * norm2 m (k s)) a t energy_integrable).
    apply (cont_mult beta (fun s => norm2 m (k s))); [auto | apply cont_dot; auto].
  Qed.

  Lemma loss_derive : forall t, a < t < b -> ~ In t breaks ->
    is_derive loss t (beta t * dot m (d t) (k t) ^ 2).
  Proof.
    intros t Ht Hn. unfold loss. eapply derive_eq.
    - apply (derive_scal (/ 2) (fun t => norm2 m (d a) - norm2 m (d t))).
      apply (derive_minus (fun _ => norm2 m (d a)) (fun t => norm2 m (d t))); [apply derive_const|].
      apply (derive_norm2 m d (fun j => - (beta t * dot m (d t) (k t)) * k t j)). auto.
    - rewrite dot_scal_r. field.
  Qed.

  Lemma loss_cont : forall t, a <= t <= b -> continuous loss t.
  Proof.
    intros t Ht. apply (cont_mult (fun _ => / 2) (fun t => norm2 m (d a) - norm2 m (d t))); [apply cont_const|].
    apply (cont_minus (fun _ => norm2 m (d a)) (fun t => norm2 m (d t))); [apply cont_const | apply cont_dot; auto].
  Qed.

  Lemma energy_start : energy a = 0.
  Proof. apply integral_point. Qed.

  Lemma loss_start : loss a = 0.
  Proof. unfold loss. ring. Qed.

  Lemma energy_le : forall s t, a <= s -> s <= t -> t <= b -> energy s <= energy t.
  Proof.
    intros s t Has Hst Htb. eapply (nondecreasing_between breaks energy); [exact Hst | | |].
    - intros. now apply cont_integral.
    - intros. apply energy_derive; auto; lra.
    - intros r Hr Hn. apply Rmult_le_pos; [apply beta_nonneg; auto; lra | apply norm2_nonneg].
  Qed.

  Lemma loss_le : forall s t, a <= s -> s <= t -> t <= b -> loss s <= loss t.
  Proof.
    intros s t Has Hst Htb. eapply (nondecreasing_between breaks loss); [exact Hst | | |].
    - intros. apply loss_cont. lra.
    - intros. apply loss_derive; auto; lra.
    - intros r Hr Hn. apply Rmult_le_pos; [apply beta_nonneg; auto; lra | apply pow2_ge_0].
  Qed.

  (* |d(s) − d(a)|² ≤ B(s) J(s), by Cauchy–Schwarz in the integral of d'. *)
  Lemma row_moves_little : forall s, a <= s <= b -> norm2 m (fun j => d s j - d a j) <= energy s * loss s.
  Proof.
    intros s Hs. set (e := fun j => d s j - d a j).
    assert (HB : 0 <= energy s) by (rewrite <- energy_start; apply energy_le; lra).
    assert (HJ : 0 <= loss s) by (rewrite <- loss_start; apply loss_le; lra).
    assert (Hform : (- norm2 m e) ^ 2 <= (norm2 m e * energy s) * loss s).
    { apply quadratic_form_nonneg. intros x y.
      set (f := fun r => x ^ 2 * norm2 m e * energy r - 2 * (x * y) * dot m e (fun j => d r j - d a j)
                         + y ^ 2 * loss r).
      assert (Ha : f a = 0).
      { unfold f. rewrite energy_start, loss_start. unfold dot. rewrite sum_eq_zero; [ring | intros; ring]. }
      assert (Hle : f a <= f s).
      { apply (nondecreasing_between breaks f
                 (fun r => x ^ 2 * norm2 m e * (beta r * norm2 m (k r))
                           - 2 * (x * y) * (- (beta r * dot m (d r) (k r)) * dot m e (k r))
                           + y ^ 2 * (beta r * dot m (d r) (k r) ^ 2))); [lra | | |].
        - intros r Hr. unfold f. apply (cont_plus _ (fun r => y ^ 2 * loss r)).
          + apply (cont_minus (fun r => x ^ 2 * norm2 m e * energy r)).
            * apply (cont_mult (fun _ => x ^ 2 * norm2 m e) energy); [apply cont_const | now apply cont_integral].
            * apply (cont_mult (fun _ => 2 * (x * y))); [apply cont_const|].
              apply (cont_dot m (fun _ => e) (fun r j => d r j - d a j)); intros j Hj; [apply cont_const|].
              apply (cont_minus (fun r => d r j)); [apply d_cont; auto; lra | apply cont_const].
          + apply (cont_mult (fun _ => y ^ 2) loss); [apply cont_const | apply loss_cont; lra].
        - intros r Hr Hn. unfold f. apply (derive_plus _ (fun r => y ^ 2 * loss r)).
          + apply (derive_minus (fun r => x ^ 2 * norm2 m e * energy r)).
            * apply (derive_scal (x ^ 2 * norm2 m e) energy), energy_derive; auto; lra.
            * apply (derive_scal (2 * (x * y))).
              apply derive_eq with (dot m (fun _ => 0) (fun j => d r j - d a j)
                                    + dot m e (fun j => - (beta r * dot m (d r) (k r)) * k r j - 0)).
              -- apply (derive_dot m (fun _ => e) (fun r j => d r j - d a j)); intros j Hj; [apply derive_const|].
                 apply (derive_minus (fun r => d r j)); [apply d_derive; auto; lra | apply derive_const].
              -- unfold dot at 1. rewrite sum_eq_zero by (intros; ring).
                 rewrite (dot_ext m e e _ (fun j => - (beta r * dot m (d r) (k r)) * k r j)) by (intros; ring).
                 rewrite dot_scal_r. ring.
          + apply (derive_scal (y ^ 2) loss), loss_derive; auto; lra.
        - intros r Hr Hn. cbv beta. assert (Hb : 0 <= beta r) by (apply beta_nonneg; auto; lra).
          assert (Hcs := cauchy_schwarz2 m e (k r)). assert (Hx := pow2_ge_0 x).
          assert (Hsq := pow2_ge_0 (x * dot m e (k r) + y * dot m (d r) (k r))).
          set (p := dot m e (k r)) in *. set (q := dot m (d r) (k r)) in *.
          assert (H1 : x ^ 2 * p ^ 2 <= x ^ 2 * (norm2 m e * norm2 m (k r))) by now apply Rmult_le_compat_l.
          replace (x ^ 2 * norm2 m e * (beta r * norm2 m (k r)) - 2 * (x * y) * (- (beta r * q) * p)
                   + y ^ 2 * (beta r * q ^ 2))
            with (beta r * (x ^ 2 * (norm2 m e * norm2 m (k r)) + 2 * (x * y) * (q * p) + y ^ 2 * q ^ 2)) by ring.
          apply Rmult_le_pos; [exact Hb|]. nra. }
      rewrite Ha in Hle. unfold f in Hle. fold e in Hle. change (dot m e e) with (norm2 m e) in Hle. nra. }
    destruct (norm2_nonneg m e) as [He|He]; [|rewrite <- He; now apply Rmult_le_pos].
    apply Rmult_le_reg_l with (norm2 m e); [exact He|]. nra.
  Qed.

  (* If μ|x|² ≤ ∫_a^b β (x·k)² at x = d(a), then (1 + B²)|d(b)|² ≤ (1 + B² − μ)|d(a)|², B = ∫_a^b β|k|². *)
  Lemma row_contracts : forall mu,
    (forall x y, ex_RInt (fun s => beta s * dot m (d a) (k s) ^ 2) x y) ->
    mu * norm2 m (d a) <= RInt (fun s => beta s * dot m (d a) (k s) ^ 2) a b ->
    (1 + energy b ^ 2) * norm2 m (d b) <= (1 + energy b ^ 2 - mu) * norm2 m (d a).
  Proof.
    intros mu Hint Hmu. set (g := fun s => beta s * dot m (d a) (k s) ^ 2) in *.
    assert (Hg : forall t, a < t < b -> ~ In t breaks -> continuous g t).
    { intros t Ht Hn. apply (cont_mult beta (fun s => dot m (d a) (k s) ^ 2)); [auto|].
      assert (Hdot : continuous (fun s => dot m (d a) (k s)) t)
        by (apply (cont_dot m (fun _ => d a) k); intros; [apply cont_const | auto]).
      apply (continuous_ext (fun s => dot m (d a) (k s) * dot m (d a) (k s))); [intros; simpl; ring|].
      now apply (cont_mult (fun s => dot m (d a) (k s)) (fun s => dot m (d a) (k s))). }
    assert (HBb : forall t, a <= t <= b -> 0 <= energy t <= energy b).
    { intros t Ht. split; [rewrite <- energy_start; apply energy_le; lra | apply energy_le; lra]. }
    assert (HJb : forall t, a <= t <= b -> 0 <= loss t <= loss b).
    { intros t Ht. split; [rewrite <- loss_start; apply loss_le; lra | apply loss_le; lra]. }
    assert (Hle : RInt g a b <= 2 * loss b + 2 * (energy b * loss b) * energy b).
    { set (f := fun t => RInt g a t - 2 * loss t - 2 * (energy b * loss b) * energy t).
      cut (f b <= f a); [unfold f; rewrite integral_point, loss_start, energy_start; lra|].
      apply (nonincreasing_between breaks f
               (fun t => g t - 2 * (beta t * dot m (d t) (k t) ^ 2)
                         - 2 * (energy b * loss b) * (beta t * norm2 m (k t))));
        [exact window | | |].
      - intros t Ht. unfold f. apply (cont_minus _ (fun t => 2 * (energy b * loss b) * energy t)).
        + apply (cont_minus (fun t => RInt g a t)); [now apply cont_integral|].
          apply (cont_mult (fun _ => 2) loss); [apply cont_const | now apply loss_cont].
        + apply (cont_mult (fun _ => 2 * (energy b * loss b)) energy); [apply cont_const | now apply cont_integral].
      - intros t Ht Hn. unfold f. apply (derive_minus _ (fun t => 2 * (energy b * loss b) * energy t)).
        + apply (derive_minus (fun t => RInt g a t)); [apply derive_integral; auto|].
          apply (derive_scal 2 loss). now apply loss_derive.
        + apply (derive_scal (2 * (energy b * loss b)) energy). now apply energy_derive.
      - intros t Ht Hn. unfold g. set (e := fun j => d t j - d a j).
        assert (Hb := beta_nonneg t Ht Hn). assert (Hcs := cauchy_schwarz2 m e (k t)).
        assert (He : norm2 m e <= energy b * loss b).
        { eapply Rle_trans; [apply row_moves_little; lra|].
          apply Rmult_le_compat; apply HBb || apply HJb; lra. }
        assert (Hk := norm2_nonneg m (k t)).
        assert (Hek : norm2 m e * norm2 m (k t) <= energy b * loss b * norm2 m (k t)) by now apply Rmult_le_compat_r.
        assert (Hp : dot m e (k t) = dot m (d t) (k t) - dot m (d a) (k t)) by apply dot_minus_l.
        set (p := dot m e (k t)) in *. set (q := dot m (d t) (k t)) in *. set (q0 := dot m (d a) (k t)) in *.
        assert (Hsq := pow2_ge_0 (q + p)).
        replace (beta t * q0 ^ 2 - 2 * (beta t * q ^ 2) - 2 * (energy b * loss b) * (beta t * norm2 m (k t)))
          with (beta t * (q0 ^ 2 - 2 * q ^ 2 - 2 * (energy b * loss b * norm2 m (k t)))) by ring.
        assert (q0 = q - p) by lra. subst q0. rewrite H. clear H.
        assert ((q - p) ^ 2 - 2 * q ^ 2 - 2 * (energy b * loss b * norm2 m (k t)) <= 0) by nra. nra. }
    unfold loss in Hle. nra.
  Qed.
End row.

Section excitation.
  (* Delta from the time a on; before each time the controls jump finitely often. The values are those of W*. *)
  Variables (n m : nat) (beta : R -> R) (v k : R -> vector) (breaks : R -> list R) (a : R).
  Variables (W : R -> matrix) (Wstar : matrix).
  Hypothesis beta_nonneg : forall t, 0 <= beta t.
  Hypothesis beta_cont : forall b t, a < t < b -> ~ In t (breaks b) -> continuous beta t.
  Hypothesis k_cont : forall b t j, a < t < b -> ~ In t (breaks b) -> (j < m)%nat -> continuous (fun s => k s j) t.
  Hypothesis integrable : forall x s t, ex_RInt (fun s => beta s * dot m x (k s) ^ 2) s t.
  Hypothesis energy_integrable : forall s t, ex_RInt (fun s => beta s * norm2 m (k s)) s t.
  Hypothesis solution : forall b, solves n m (fun t W => delta n m W (beta t) (v t) (k t)) (breaks b) a b W.
  Hypothesis realisable : forall t i, (i < n)%nat -> v t i = mv m Wstar (k t) i.

  Let distance2 (t : R) := fro2 n m (fun i j => W t i j - Wstar i j).

  Lemma excitation_row_derive : forall b t i j, a < t < b -> ~ In t (breaks b) -> (i < n)%nat -> (j < m)%nat ->
    is_derive (fun s => W s i j - Wstar i j) t
      (- (beta t * dot m (fun j => W t i j - Wstar i j) (k t)) * k t j).
  Proof.
    intros b t i j Ht Hn Hi Hj. eapply derive_eq.
    - apply (derive_minus (fun s => W s i j) (fun _ => Wstar i j)); [|apply derive_const].
      exact (solves_derive _ _ _ _ _ _ _ (solution b) t i j Ht Hn Hi Hj).
    - cbv beta. unfold delta. rewrite realisable, dot_minus_l by exact Hi. unfold mv, dot. ring.
  Qed.

  (* One window [s, t] with ∫ β k kᵀ ⪰ μ I and B = ∫ β|k|²: ‖W(t) − W*‖² ≤ (1 − μ/(1 + B²)) ‖W(s) − W*‖² *)
  Theorem delta_excitation : forall mu s t, a <= s <= t ->
    (forall x, mu * norm2 m x <= RInt (fun r => beta r * dot m x (k r) ^ 2) s t) ->
    distance2 t <= (1 - mu / (1 + RInt (fun r => beta r * norm2 m (k r)) s t ^ 2)) * distance2 s.
  Proof.
    intros mu s t Hst Hmu. set (B := RInt (fun r => beta r * norm2 m (k r)) s t).
    assert (HB : 0 < 1 + B ^ 2) by (assert (H := pow2_ge_0 B); lra).
    apply Rmult_le_reg_l with (1 + B ^ 2); [exact HB|].
    replace ((1 + B ^ 2) * ((1 - mu / (1 + B ^ 2)) * distance2 s)) with ((1 + B ^ 2 - mu) * distance2 s)
      by (field; lra).
    unfold distance2, fro2. rewrite !inner_rows, <- !sum_scal_l. apply sum_le; intros i Hi.
    apply (row_contracts m beta k (fun r j => W r i j - Wstar i j) (breaks t) s t); auto; try lra.
    - intros r Hr Hn. apply (beta_cont t); auto; lra.
    - intros r j Hr Hn Hj. apply (k_cont t); auto; lra.
    - intros r j Hr Hj. apply (cont_minus (fun r => W r i j)); [|apply cont_const].
      eapply (solves_cont _ _ _ _ _ _ _ (solution t)); auto; lra.
    - intros r j Hr Hn Hj. apply (excitation_row_derive t); auto; lra.
  Qed.

  (* T5, PE: windows of length T, in each ∫ β k kᵀ ⪰ μ I and ∫ β|k|² ≤ B ⇒ ‖W(a + N T) − W*‖² ≤ ρᴺ ‖W(a) − W*‖²,
     ρ = 1 − μ/(1 + B²) *)
  Variables (T mu B : R).
  Hypothesis T_nonneg : 0 <= T.
  Hypothesis mu_nonneg : 0 <= mu.
  Let knot (N : nat) := a + INR N * T.
  Hypothesis energy_bound : forall N, RInt (fun r => beta r * norm2 m (k r)) (knot N) (knot (S N)) <= B.
  Hypothesis excited : forall N x, mu * norm2 m x <= RInt (fun r => beta r * dot m x (k r) ^ 2) (knot N) (knot (S N)).

  Lemma knot_le : forall N, a <= knot N <= knot (S N).
  Proof. intro N. unfold knot. rewrite S_INR. assert (H := pos_INR N). nra. Qed.

  Theorem delta_pe : forall N, distance2 (knot N) <= (1 - mu / (1 + B ^ 2)) ^ N * distance2 a.
  Proof.
    set (rho := 1 - mu / (1 + B ^ 2)).
    assert (Hpos : forall t, 0 <= distance2 t) by (intro; apply fro2_nonneg).
    assert (Hstep : forall N, distance2 (knot (S N)) <= rho * distance2 (knot N)).
    { intro N. eapply Rle_trans; [exact (delta_excitation mu _ _ (knot_le N) (excited N))|].
      apply Rmult_le_compat_r; [apply Hpos|]. unfold rho. apply Rplus_le_compat_l, Ropp_le_contravar.
      assert (HB := energy_bound N). assert (Hk := knot_le N).
      assert (HB0 : 0 <= RInt (fun r => beta r * norm2 m (k r)) (knot N) (knot (S N))).
      { apply (integral_nonneg (breaks (knot (S N)))); auto; try lra; intros t Ht Hn.
        - apply (cont_mult beta (fun s => norm2 m (k s))).
          + apply (beta_cont (knot (S N))); auto; lra.
          + apply cont_dot; intros j Hj; apply (k_cont (knot (S N))); auto; lra.
        - apply Rmult_le_pos; [apply beta_nonneg | apply norm2_nonneg]. }
      set (BN := RInt _ _ _) in *. unfold Rdiv.
      apply Rmult_le_compat_l; [exact mu_nonneg|]. apply Rinv_le_contravar; nra. }
    assert (Hstart : knot 0 = a) by (unfold knot; simpl; ring).
    induction N as [|N IH]; [rewrite Hstart; simpl; lra|].
    destruct (Rle_dec 0 rho) as [Hrho|Hrho].
    - eapply Rle_trans; [apply Hstep|]. simpl. rewrite Rmult_assoc. now apply Rmult_le_compat_l.
    - (* the factor is never negative unless W = W* already *)
      assert (Hzero : forall M, distance2 (knot M) = 0).
      { intro M. generalize (Hstep M) (Hpos (knot M)) (Hpos (knot (S M))). nra. }
      rewrite Hzero, <- Hstart, Hzero. lra.
  Qed.

  (* … and so W(t) → W* as t → ∞, for μ, T > 0 *)
  Theorem delta_pe_limit : 0 < T -> 0 < mu -> is_lim distance2 p_infty 0.
  Proof.
    intros HT Hmu. set (rho := 1 - mu / (1 + B ^ 2)).
    assert (HB2 := pow2_ge_0 B).
    assert (Hrho : rho < 1).
    { unfold rho. assert (0 < mu / (1 + B ^ 2)) by (apply Rdiv_lt_0_compat; lra). lra. }
    assert (Hpos : forall t, 0 <= distance2 t) by (intro; apply fro2_nonneg).
    assert (Hmono : forall s t, a <= s <= t -> distance2 t <= distance2 s).
    { intros s t Hst. apply (delta_realisable n m beta v k (breaks t) a t); auto; lra. }
    assert (Hbound : forall N, distance2 (knot N) <= Rmax 0 rho ^ N * distance2 a).
    { intro N. destruct (Rle_dec 0 rho) as [H|H].
      - rewrite Rmax_right by exact H. apply delta_pe.
      - assert (H0 : distance2 a = 0).
        { assert (H1 := delta_pe 1). fold rho in H1. generalize (Hpos (knot 1)) (Hpos a). simpl in H1. nra. }
        rewrite H0, Rmult_0_r, <- H0. apply Hmono. assert (Hk := knot_le N). lra. }
    assert (Hgeom : is_lim_seq (fun N => Rmax 0 rho ^ N * distance2 a) 0).
    { replace (Finite 0) with (Rbar_mult 0 (distance2 a)) by (simpl; f_equal; ring).
      apply (is_lim_seq_scal_r (fun N => Rmax 0 rho ^ N) (distance2 a) 0).
      apply is_lim_seq_geom. rewrite Rabs_right; [apply Rmax_lub_lt; lra | apply Rle_ge, Rmax_l]. }
    apply is_lim_spec. intro eps. apply is_lim_seq_spec in Hgeom. destruct (Hgeom eps) as [N HN].
    exists (knot N). intros t Ht. specialize (HN N (le_n N)).
    assert (Hle : distance2 t <= distance2 (knot N)) by (apply Hmono; generalize (knot_le N); lra).
    rewrite Rminus_0_r in *. apply Rabs_def2 in HN. rewrite Rabs_right by (apply Rle_ge, Hpos).
    eapply Rle_lt_trans; [exact Hle|]. eapply Rle_lt_trans; [apply Hbound|]. lra.
  Qed.
End excitation.
